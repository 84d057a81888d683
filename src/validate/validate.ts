import { declaredLabels, type Config } from '../config/config.ts';
import { Fault } from '../kit/fault.ts';
import { own } from '../kit/own.ts';
import { refuse, type Reason, type Refusal } from '../kit/refusal.ts';
import { isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { cutPointer, didYouMean, pointerSegment, quote } from '../kit/text.ts';
import { checkCarried } from './carried.ts';
import { describe, Findings } from './findings.ts';
import { refuseNothingOrAll } from './nothing-or-all.ts';
import type { ParameterChecks } from './parameters.ts';
import { checkTargets } from './targets.ts';
import { checkSaid } from './texts.ts';
import { validated, type Validated } from './validated.ts';

const FIELDS = [
  'action',
  'targets',
  'parameters',
  'reason',
  'ticket',
  'on_behalf_of',
  'artifact',
  'plan',
  'effects',
];

/** The action that a body names, declared or not: all that may be looked at before the role is. Undefined if it names none. */
export function readAction(body: JsonObject): string | undefined {
  const action = own(body, 'action');
  return typeof action === 'string' ? action : undefined;
}

/**
 * The shape of a request, without any inventory: pure, and not within the reach of a policy. Lists everything that is
 * wrong: `request.invalid`, `action.unknown`, `targets.*` as far as they need no inventory, `parameters.invalid`.
 * @throws Fault `gate.failed` if an action's declared schema has no check or takes too long, or its kind is not there: what cannot be checked is a no
 */
export function validate(
  body: JsonObject,
  config: Pick<Config, 'actions' | 'kinds'>,
  checks: ParameterChecks,
  principal: string,
): Validated | Refusal {
  const found = new Findings();
  found.noteUnknownFields(body, FIELDS, '');
  const { reason, ...said } = checkSaid(found, body);
  const carried = checkCarried(found, body);
  const action = findAction(found, body, config);
  const kind = action === undefined ? undefined : kindOf(action, config);
  const targets = checkTargets(body['targets'], kind === undefined ? undefined : declaredLabels(kind));
  const parameters = body['parameters'] ?? (Object.hasOwn(body, 'parameters') ? null : {});
  const reasons = [
    ...found.reasons(),
    ...(targets.reasons ?? []),
    ...(action === undefined ? [] : checkParameters(parameters, action, checks, principal)),
  ];
  const [first, ...more] = reasons;
  if (first !== undefined) return refuse(first, ...more);
  // Each of these was noted when it is not there; the compiler cannot know.
  if (action === undefined || kind === undefined || targets.named === undefined || reason === undefined) {
    throw new Fault('gate.failed', 'a request was found right though a part of it is not there');
  }
  if (!isJsonObject(parameters))
    throw new Fault('gate.failed', 'parameters were found right that are no object');
  return validated({
    action,
    kind,
    named: targets.named,
    parameters,
    reason,
    ...said,
    ...carried,
  });
}

function kindOf({ kind: name }: Validated['action'], { kinds }: Pick<Config, 'kinds'>): Validated['kind'] {
  const kind = kinds.get(name);
  if (kind === undefined) throw new Fault('gate.failed', `no kind ${name} is declared`);
  return kind;
}

function findAction(
  found: Findings,
  body: JsonObject,
  config: Pick<Config, 'actions'>,
): Validated['action'] | undefined {
  const name = readAction(body);
  if (name === undefined) {
    const given = own(body, 'action');
    found.note('action', () => ({
      rule: 'request.invalid',
      message: `The action is ${describe(given)}, and must be the name of a declared one.`,
      remedy: 'the name of a declared action',
      pointer: '/action',
    }));
    return undefined;
  }
  const action = config.actions.get(name);
  if (action === undefined) {
    found.note('action', () => ({
      rule: 'action.unknown',
      message: `No action ${quote(name)} is declared${didYouMean(name, [...config.actions.keys()], false)}.`,
      remedy: 'the name of a declared action, in the same case',
      pointer: '/action',
    }));
  }
  return action;
}

function checkParameters(
  parameters: Json,
  action: Validated['action'],
  checks: ParameterChecks,
  principal: string,
): readonly Reason[] {
  if (!isJsonObject(parameters)) {
    const message = `The parameters are ${describe(parameters)}, and must be an object.`;
    return [
      {
        rule: 'parameters.invalid',
        message,
        remedy: 'an object, or no parameters at all',
        pointer: '/parameters',
      },
    ];
  }
  if (action.parameters === undefined) return refuseParameters(parameters, action.name);
  const check = checks.get(action.name);
  if (check === undefined) throw new Fault('gate.failed', `the schema of ${action.name} was not compiled`);
  return check(parameters, principal);
}

function refuseParameters(parameters: JsonObject, action: string): readonly Reason[] {
  const [name, ...more] = Object.keys(parameters);
  if (name === undefined) return [];
  const others = more.length === 0 ? '' : ` There are ${more.length} more of this.`;
  return [
    ...refuseNothingOrAll(parameters, undefined, 1),
    {
      rule: 'parameters.invalid',
      message: `The action ${quote(action)} takes no parameters, and ${quote(name)} was given.${others}`,
      remedy: 'no parameters',
      pointer: cutPointer(`/parameters${pointerSegment(name)}`),
    },
  ];
}
