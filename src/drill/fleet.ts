import { parseDurationMs } from '../kit/units.ts';
import type { CaseRequest, Fleet, Group } from './case.ts';

/** A target as the gate's inventory takes it. */
export interface Line {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly weights?: Readonly<Record<string, number>>;
}

/** Each kind with its targets, in the order of the file. */
export type Lines = ReadonlyMap<string, readonly Line[]>;

/** Makes the targets of a case. Times like `8d ago` are from now. */
export function linesOf(fleet: Fleet, nowMs: number): Lines {
  return new Map(
    Object.entries(fleet).map(([kind, groups]) => [
      kind,
      groups.flatMap(group => linesOfGroup(group, nowMs)),
    ]),
  );
}

function linesOfGroup({ id, count, each = {}, labels, weights }: Group, nowMs: number): Line[] {
  return combinations(Object.entries(each)).flatMap(combined =>
    Array.from({ length: count }, (_, at) => {
      const number = String(at + 1);
      const values = { ...combined, ...labels };
      const filled = Object.fromEntries(
        Object.entries(values).map(([label, value]) => [label, toTime(fill(value, combined, number), nowMs)]),
      );
      return { id: fill(id, filled, number), labels: filled, ...(weights !== undefined && { weights }) };
    }),
  );
}

function combinations(
  lists: readonly (readonly [string, readonly string[]])[],
): Readonly<Record<string, string>>[] {
  return lists.reduce<Readonly<Record<string, string>>[]>(
    (made, [label, values]) => made.flatMap(one => values.map(value => ({ ...one, [label]: value }))),
    [{}],
  );
}

const fill = (text: string, values: Readonly<Record<string, string>>, number: string): string =>
  text.replaceAll(/\{([^{}]*)\}/g, (whole, label: string) =>
    label === '' ? number : Object.hasOwn(values, label) ? (values[label] ?? whole) : whole,
  );

/** `8d ago` as a label says a time; anything else as it is. */
function toTime(value: string, nowMs: number): string {
  const ago = /^(\S+) ago$/.exec(value)?.[1];
  const agoMs = ago === undefined ? undefined : parseDurationMs(ago);
  return agoMs === undefined ? value : new Date(nowMs - agoMs).toISOString();
}

/**
 * The targets of a request as they are sent. `{ from: { kind, where, skip, first } }` names those of the case's fleet by their ids;
 * anything else is sent as it came, however odd.
 */
export function targetsOf({ targets }: Pick<CaseRequest, 'targets'>, lines: Lines): unknown {
  if (typeof targets !== 'object' || targets === null || !('from' in targets)) return targets;
  const { from, ...rest } = targets;
  return { ids: idsFrom(from, lines), ...rest };
}

function idsFrom(from: unknown, lines: Lines): string[] {
  const given = new Map<string, unknown>(Object.entries(Object(from)));
  const kind = given.get('kind');
  const found = typeof kind === 'string' ? lines.get(kind) : undefined;
  if (found === undefined)
    throw new Error(`\`from\` must name a kind of the case's fleet, and ${JSON.stringify(kind)} is none`);
  const wanted: [string, unknown][] = Object.entries(Object(given.get('where')));
  const ids = found
    .filter(({ labels }) =>
      wanted.every(([label, value]) =>
        Array.isArray(value) ? value.includes(labels[label]) : labels[label] === value,
      ),
    )
    .map(({ id }) => id);
  const [skip, first] = [given.get('skip') ?? 0, given.get('first') ?? ids.length];
  const odd = [...given.keys()].filter(key => !['kind', 'where', 'skip', 'first'].includes(key));
  if (odd.length > 0 || typeof skip !== 'number' || typeof first !== 'number')
    throw new Error('`from` takes kind, where, skip and first');
  const chosen = ids.slice(skip, skip + first);
  // A list that came out empty by a slip of the case would be another incident than the one that is told.
  if (chosen.length === 0)
    throw new Error(
      `\`from\` finds no target among the ${found.length} of ${String(kind)} in the fleet of the case`,
    );
  return chosen;
}
