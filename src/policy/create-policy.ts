import { asError, Fault } from '../kit/fault.ts';
import type { RuleInfo } from '../kit/rules.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import { expectedOf, readAllow, readAnswer } from './answer.ts';
import type { Bundle } from './bundle.ts';
import { createEvaluator, defaultBounds, type Bounds, type Evaluator } from './evaluator.ts';
import type { Facts } from './facts.ts';
import type { Limits } from './limits.ts';
import type { CheckManifest } from './manifest.ts';
import type { Policy } from './policy.ts';
import { showGaps } from './sentence.ts';

/**
 * Puts a bundle and the limits together, and asks it once: a request for an action that has no limits must be refused, by
 * exactly the checks that have manifests.
 * @throws Fault `policy.unavailable`; its cause says what is wrong
 */
export function createPolicy(bundle: Bundle, limits: Limits, bounds: Bounds = defaultBounds): Policy {
  const { evaluator, expected } = prepare(bundle, limits, bounds);
  return {
    limits,
    checks: bundle.manifests.map(manifest => ({ name: manifest.name, idle: isIdle(manifest, limits) })),
    rules: rulesOf(bundle.manifests),
    loosened: loosenedBy(bundle.manifests),
    evaluate: facts => reliably(() => readAnswer(evaluator.evaluate(facts), expected)),
    allows: facts => reliably(() => readAllow(evaluator.evaluate(facts), expected)),
  };
}

function reliably<T>(ask: () => T): T {
  try {
    return ask();
  } catch (thrown) {
    throw new Fault('policy.failed', 'The policy gave no answer that can be relied on.', asError(thrown));
  }
}

function prepare(
  bundle: Bundle,
  limits: Limits,
  bounds: Bounds,
): { evaluator: Evaluator; expected: ReturnType<typeof expectedOf> } {
  try {
    const expected = expectedOf(bundle.manifests);
    // Limits were read from YAML into plain values; `limits` is last, so that no bundle can bring its own.
    const data = { ...bundle.data, limits: limits as unknown as JsonObject };
    const evaluator = createEvaluator(bundle.module, data, bounds);
    const verdict = readAnswer(evaluator.evaluate(probe), expected);
    if (verdict.allow) throw new Error('the policy allows an action that has no limits');
    return { evaluator, expected };
  } catch (thrown) {
    throw new Fault('policy.unavailable', 'The policy could not be made ready.', asError(thrown));
  }
}

/** No limits file can name this action: its name is blank. */
const probe: Facts = {
  action: '',
  kind: '',
  principal: '',
  now_ms: 0,
  fleet: { count: 1, total: 1 },
  dimensions: {},
  labels: {},
  windows: [],
  requests: [],
  in_flight: 0,
  protected: [],
};

/** A check is idle when it reads keys and the limits in force use none of them. One that reads none always works. */
function isIdle({ keys }: CheckManifest, limits: Limits): boolean {
  const isUsed = keys.some(({ key, on }) =>
    on === 'top'
      ? isSaid(Object.entries(limits).find(([name]) => name === key)?.[1])
      : Object.values(limits.actions).some(entry => Object.hasOwn(entry, key)),
  );
  return keys.length > 0 && !isUsed;
}

const isSaid = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : value !== undefined);

function loosenedBy(manifests: readonly CheckManifest[]): ReadonlyMap<string, string> {
  return new Map(
    manifests.flatMap(({ keys, rules }) =>
      keys
        .filter(({ loosen }) => loosen !== undefined)
        .flatMap(({ key }) => Object.keys(rules).map((rule): [string, string] => [rule, key])),
    ),
  );
}

/** What the checks' rules are, as the gate's own list has them, and how they speak. */
function rulesOf(manifests: readonly CheckManifest[]): Readonly<Record<string, RuleInfo>> {
  return Object.fromEntries(
    manifests.flatMap(({ rules }) =>
      Object.entries(rules).map(([rule, { status, title, explain, sentences, remedies }]) => [
        rule,
        {
          step: 'decide',
          status,
          title,
          explain,
          says: Object.values(sentences).map(showGaps),
          passes: Object.values(remedies).map(showGaps),
        },
      ]),
    ),
  );
}
