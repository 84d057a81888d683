import { decision, outcome, reason } from './answers.ts';

/*
 * A stored document comes back in the order of its canonical form, a fresh one in that of its making. Who compares texts,
 * or reads them, is served one order: that of the schema.
 */

type Members = Readonly<Record<string, unknown>>;

const top = [...Object.keys(decision.shape)];
const ofReason = Object.keys(reason.shape);
const ofOutcome = Object.keys(outcome.shape);
const ofEvidence = ['seq', 'name', 'status', 'dimension', 'value', 'by', 'at'];
const ofRadius = ['value', 'count', 'total', 'share_ppm', 'remaining', 'weights'];

/** A decision, with `status` beside it or not, its members in the order of the schema. */
export function inOrder(document: object): object {
  const members: Members = { ...document };
  const ordered = arrange(members, top);
  return {
    ...ordered,
    ...each(members, 'targets', one => arrange(one, ['count', 'digest'])),
    ...each(members, 'blast_radius', one => radius(one)),
    ...each(members, 'stage', one => arrange(one, ['run', 'stage', 'of', 'reached', 'count', 'total'])),
    ...each(members, 'evidence', one => (Array.isArray(one) ? listOf(one, ofEvidence) : one)),
    ...each(members, 'inventory', one => arrange(one, ['revision', 'age_s'])),
    ...each(members, 'outcome', one => arrange(one, ofOutcome)),
    ...each(members, 'reasons', one => (Array.isArray(one) ? listOf(one, ofReason) : one)),
    ...each(members, 'parameters', one => sorted(one)),
    ...each(members, 'selector', one => sorted(one)),
  };
}

/** `fleet` first, then the dimensions by name. */
function radius(value: object): object {
  const arranged = arrange({ ...value }, ['fleet']);
  return Object.fromEntries(
    Object.entries(arranged).map(([name, one]) => [
      name,
      Array.isArray(one) ? listOf(one, ofRadius) : isObject(one) ? arrange(one, ofRadius) : one,
    ]),
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const each = (members: Members, name: string, change: (value: object) => unknown): Members => {
  const value = members[name];
  return isObject(value) ? { [name]: change(value) } : {};
};

const listOf = (list: readonly unknown[], names: readonly string[]): unknown[] =>
  list.map(one => (isObject(one) ? arrange(one, names) : one));

/** The named members first, in that order; the others by name. */
function arrange(value: object, names: readonly string[]): object {
  const members: Members = { ...value };
  const given: [string, unknown][] = [];
  for (const name of names) if (Object.hasOwn(members, name)) given.push([name, members[name]]);
  const rest = Object.keys(members).filter(name => !names.includes(name));
  for (const name of rest.toSorted()) given.push([name, members[name]]);
  return Object.fromEntries(given.filter(([, one]) => one !== undefined));
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
