import { sharePpm, valuesOf, type BlastRadius, type WeightRadius } from '../blast-radius/blast-radius.ts';
import type { Weighing } from '../blast-radius/weigh.ts';
import { weightsOf, type Kind } from '../config/config.ts';
import type { Facts, WeightFact, WeightScope } from '../policy/facts.ts';
import type { ActionLimits, Limits } from '../policy/limits.ts';

/** What a limit on weights needs, of each that one names; nothing, and at no cost, where the kind declares none. */
export function weightFacts(
  kind: Kind,
  { budgets }: Limits,
  entry: Partial<ActionLimits> | undefined,
  radius: BlastRadius,
  weighing: Weighing,
): Pick<Facts, 'weights'> {
  if (weightsOf(kind).length === 0) return {};
  const windows = [...(entry?.windows ?? []), ...budgets.filter(budget => budget.kind === kind.name)];
  const named = [entry?.max_weight ?? {}, ...windows.map(window => window.max_weight ?? {})].flatMap(
    Object.keys,
  );
  if (named.length === 0) return {};
  const facts = [...new Set(named)].flatMap((name): [string, WeightFact][] => {
    const whole = radius.fleet.weights?.[name];
    const missing = weighing.get(name)?.missing;
    if (whole === undefined || missing === undefined) return [];
    const dimensions = Object.keys(entry?.max_weight?.[name] ?? {}).filter(scope => scope !== 'fleet');
    const scopes = dimensions.map(dimension => [dimension, weightScopes(radius, dimension, name, '')]);
    return [[name, { missing, ...factOf(whole), dimensions: Object.fromEntries(scopes) }]];
  });
  return { weights: Object.fromEntries(facts) };
}

/** What the set has of a weight in each value of a scope that it touches. `whole` is the one value that the fleet has. */
export function weightScopes(
  radius: BlastRadius,
  scope: string,
  name: string,
  whole: string,
): (WeightScope & { readonly value: string })[] {
  const values = scope === 'fleet' ? [{ value: whole, ...radius.fleet }] : valuesOf(radius, scope);
  return values.flatMap(({ value, weights }) => {
    const found = weights?.[name];
    return found === undefined ? [] : [{ value, ...factOf(found) }];
  });
}

/** Of nothing there is no share: the policy has a number that is over any. */
const factOf = ({ weight, total }: WeightRadius): WeightScope => ({
  weight,
  total,
  share_ppm: sharePpm(weight, total),
});
