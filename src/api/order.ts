import { decision, outcome, reason } from './answers.ts';

/*
 * A stored document comes back in the order of its canonical form, a fresh one in that of its making. Who compares texts,
 * or reads them, is served one order: that of the schema.
 */

type Members = Readonly<Record<string, unknown>>;

/** Members by name in their order, and what is made of each that is an object or a list. */
type Order = ReadonlyMap<string, ((value: object) => unknown) | undefined>;

const orderOf = (
  names: readonly string[],
  made: Readonly<Record<string, (value: object) => unknown>> = {},
): Order => new Map(names.map(name => [name, Object.hasOwn(made, name) ? made[name] : undefined]));

const listOf =
  (order: Order) =>
  (list: object): unknown =>
    Array.isArray(list) ? list.map((one: unknown) => (isObject(one) ? arrange(one, order) : one)) : list;

const ofReason = orderOf(Object.keys(reason.shape));
const ofOutcome = orderOf(Object.keys(outcome.shape));
const ofTargets = orderOf(['count', 'digest']);
const ofInventory = orderOf(['revision', 'age_s']);
const ofStage = orderOf(['run', 'stage', 'of', 'reached', 'count', 'total']);
const ofEvidence = orderOf(['seq', 'name', 'status', 'dimension', 'value', 'by', 'at']);
const ofRadius = orderOf(['value', 'count', 'total', 'share_ppm', 'remaining', 'weights']);

const ofDecision = orderOf(Object.keys(decision.shape), {
  targets: one => arrange(one, ofTargets),
  blast_radius: radius,
  stage: one => arrange(one, ofStage),
  evidence: listOf(ofEvidence),
  inventory: one => arrange(one, ofInventory),
  outcome: one => arrange(one, ofOutcome),
  reasons: listOf(ofReason),
  parameters: sorted,
  selector: sorted,
});

/** A decision, with `status` beside it or not, its members in the order of the schema. */
export const inOrder = (document: object): object => arrange(document, ofDecision);

/** `fleet` first, then the dimensions by name. */
function radius(value: object): object {
  const members: Members = { ...value };
  const names = Object.keys(members).filter(name => name !== 'fleet');
  const made: Record<string, unknown> = {};
  for (const name of ['fleet', ...names.sort()]) {
    const one = members[name];
    if (one !== undefined)
      made[name] = Array.isArray(one) ? listOf(ofRadius)(one) : isObject(one) ? arrange(one, ofRadius) : one;
  }
  return made;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The named members first, in that order; the others by name. */
function arrange(value: object, order: Order): object {
  const members: Members = { ...value };
  const made: Record<string, unknown> = {};
  let found = 0;
  for (const [name, make] of order) {
    if (!Object.hasOwn(members, name)) continue;
    found += 1;
    const one = members[name];
    if (one !== undefined) made[name] = make !== undefined && isObject(one) ? make(one) : one;
  }
  const names = Object.keys(members);
  if (names.length === found) return made;
  for (const name of names.filter(each => !order.has(each)).sort())
    if (members[name] !== undefined) made[name] = members[name];
  return made;
}

/** What the caller made up itself, to its depth: as the canonical form has it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const members: Members = { ...value };
  return Object.fromEntries(
    Object.keys(members)
      .toSorted()
      .map(name => [name, sorted(members[name])]),
  );
}
