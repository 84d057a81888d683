import { z } from 'zod';
import { decision } from './answers.ts';

/*
 * A stored document comes back in the order of its canonical form, a fresh one in that of its making. Who compares texts,
 * or reads them, is served one order: that of the schema, to its depth.
 */

type Members = Readonly<Record<string, unknown>>;
type Put = (value: object) => unknown;

/** How values of a schema are put in order; undefined for what has no members. */
function putterOf(schema: z.core.$ZodType): Put | undefined {
  if (schema instanceof z.ZodOptional) return putterOf(schema.unwrap());
  if (schema instanceof z.ZodArray) return putterOfList(putterOf(schema.element));
  if (schema instanceof z.ZodRecord) {
    const put = putterOf(schema.valueType);
    return value => arrange(value, none, put);
  }
  if (schema instanceof z.ZodObject) {
    const order: Order = new Map(
      Object.entries<z.core.$ZodType>(schema.shape).map(([name, one]) => [name, putterOf(one)]),
    );
    const { catchall } = schema.def;
    const rest = catchall === undefined ? undefined : putterOf(catchall);
    return value => arrange(value, order, rest);
  }
  // What the caller made up itself: as the canonical form has it.
  return schema instanceof z.ZodLazy || schema instanceof z.ZodUnion ? sorted : undefined;
}

/** Members by name in their order, and how each is put in order itself. */
type Order = ReadonlyMap<string, Put | undefined>;
const none: Order = new Map();

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const putIn = (put: Put | undefined, value: unknown): unknown =>
  put !== undefined && isObject(value) ? put(value) : value;

const putterOfList =
  (put: Put | undefined): Put =>
  list =>
    Array.isArray(list) && put !== undefined ? list.map((one: unknown) => putIn(put, one)) : list;

/** The named members first, in that order; the others by name. */
function arrange(value: object, order: Order, rest: Put | undefined): object {
  const members: Members = { ...value };
  const made: Record<string, unknown> = {};
  let found = 0;
  for (const [name, put] of order) {
    if (!Object.hasOwn(members, name)) continue;
    found += 1;
    if (members[name] !== undefined) made[name] = putIn(put, members[name]);
  }
  const names = Object.keys(members);
  if (names.length === found) return made;
  for (const name of names.filter(each => !order.has(each)).toSorted())
    if (members[name] !== undefined) made[name] = putIn(rest, members[name]);
  return made;
}

function sorted(value: object): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => putIn(sorted, one));
  const members: Members = { ...value };
  return Object.fromEntries(
    Object.keys(members)
      .toSorted()
      .map(name => [name, putIn(sorted, members[name])]),
  );
}

const put = putterOf(decision);

/** A decision, with `status` beside it or not, its members in the order of the schema. */
export const inOrder = (document: object): object => {
  const ordered = put?.(document);
  if (!isObject(ordered)) throw new Error('a decision is not put in order');
  return ordered;
};
