import { invalid, isText, unknownFields } from '../kit/fields.ts';
import { own } from '../kit/own.ts';
import { refuse, type Reason, type Refusal } from '../kit/refusal.ts';
import { isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { isBlank } from '../kit/text.ts';
import type { Scope } from '../ledger/book.ts';

/** Each name is compared with all principals', in the turn of the ledger that a stop is. */
const MOST_EXCEPTIONS = 1_000;

/** What is to be stopped. Whether it is declared was not looked at yet. */
export interface EngageRequest {
  /** `{}` is everything. */
  readonly scope: Scope;
  readonly reason?: string;
  /** Names of the requesters that are let through; mostly none. */
  readonly except: readonly string[];
}

/**
 * The body of an engage; undefined when there was none. No body, `{}` and no scope are everything: the one place where
 * nothing means all, because nothing may stand in the way of stopping. For the same reason a missing, null or blank reason
 * is no reason, and not a mistake. A scope that was meant to be narrow and is broken is refused: a switch that stops
 * something else than what was meant helps nobody.
 */
export function parseEngage(body: JsonObject | undefined): EngageRequest | Refusal {
  if (body === undefined) return { scope: {}, except: [] };
  const wrong = unknownFields(body, ['scope', 'reason', 'except']);
  const scope = parseScope(own(body, 'scope'), wrong);
  const reason = parseReason(own(body, 'reason'), wrong);
  const except = parseExcept(own(body, 'except'), wrong);
  const [first, ...more] = wrong;
  if (first !== undefined) return refuse(first, ...more);
  return { scope, ...(reason !== undefined && { reason }), except };
}

function parseScope(scope: Json | undefined, wrong: Reason[]): Scope {
  if (scope === undefined) return {};
  if (!isJsonObject(scope)) {
    const message =
      'The scope is {}, {"action": …} or {"dimension": …, "value": …}; leave it out to stop everything.';
    wrong.push(invalid('/scope', message));
    return {};
  }
  const strange = unknownFields(scope, ['action', 'dimension', 'value'], '/scope');
  wrong.push(...strange);
  if (strange.length > 0 || Object.keys(scope).length === 0) return {};
  if (Object.hasOwn(scope, 'action')) {
    if (Object.keys(scope).length > 1) {
      wrong.push(invalid('/scope', 'The scope is an action, or a dimension with a value: not both.'));
    }
    return { action: parseName(scope, 'action', wrong) };
  }
  return { dimension: parseName(scope, 'dimension', wrong), value: parseName(scope, 'value', wrong) };
}

function parseName(scope: JsonObject, name: 'action' | 'dimension' | 'value', wrong: Reason[]): string {
  const text = own(scope, name);
  if (isText(text)) return text;
  wrong.push(
    invalid(
      `/scope/${name}`,
      text === undefined ? `The ${name} is missing.` : `The ${name} is text that is not blank.`,
    ),
  );
  return '';
}

function parseReason(reason: Json | undefined, wrong: Reason[]): string | undefined {
  if (isText(reason)) return reason;
  if (reason === undefined || reason === null || (typeof reason === 'string' && isBlank(reason)))
    return undefined;
  wrong.push(invalid('/reason', 'The reason is text, without NUL characters.'));
  return undefined;
}

function parseExcept(except: Json | undefined, wrong: Reason[]): string[] {
  if (except === undefined) return [];
  if (!Array.isArray(except)) {
    wrong.push(
      invalid('/except', 'The exceptions are a list of names of principals; leave it out for none.'),
    );
    return [];
  }
  if (except.length > MOST_EXCEPTIONS) {
    wrong.push(invalid('/except', `There are at most ${MOST_EXCEPTIONS} exceptions.`));
    return [];
  }
  for (const [index, name] of except.entries())
    if (!isText(name)) wrong.push(invalid(`/except/${index}`, 'Each exception is the name of a principal.'));
  return [...new Set(except.filter(isText))];
}
