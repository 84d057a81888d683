import type { Policy } from '../client/types.ts';
import { listNames } from '../kit/text.ts';
import { roomOf, indented, showSelector, showValue } from './limit-lines.ts';
import { printable } from './printable.ts';
import { fitTable } from './table.ts';
import { wrapBehind } from './wrap.ts';

// What `policy show` says by what a gate answers, and `serve --check-config` by the files alone.

/** All that is below too: the files' own lists are not to be written to. */
type Shown<T> = T extends readonly (infer Item)[]
  ? readonly Shown<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Shown<T[Key]> }
    : T;

const freezeWords = { in_force: 'IN FORCE', to_come: 'to come', over: 'over' } as const;

export function freezeLines(freezes: Shown<Policy['freezes']>, width: number | undefined): string[] {
  const columns = [
    { title: 'STATUS' },
    { title: 'ACTIONS' },
    { title: 'FROM' },
    { title: 'UNTIL' },
    { title: 'EXCEPT' },
    { title: 'REASON' },
  ] as const;
  const rows = freezes.map(({ status, actions, from, until, except, reason }) => [
    freezeWords[status],
    actions.join(', '),
    from,
    until ?? 'no end',
    except?.join(', '),
    reason,
  ]);
  return rows.length === 0 ? [] : indented(fitTable(columns, rows, roomOf(width)));
}

const exceptionWords = { in_force: 'in force', used_up: 'USED UP', over: 'OVER' } as const;

type Counted = Shown<Policy['exceptions'][number]>;

/** As the files alone tell it: how much is used stands in the store, and the ceiling beside it is the entry's. */
type ShownException = Omit<Counted, 'set' | 'used' | 'left'> &
  Partial<Pick<Counted, 'used' | 'left'>> & { readonly set: unknown; readonly ceiling?: object };

export function exceptionLines(exceptions: readonly ShownException[], width: number | undefined): string[] {
  const isCounted = exceptions.some(({ used }) => used !== undefined);
  const columns = [
    ...[{ title: 'STATUS' }, { title: 'ID' }, { title: 'ACTION' }, { title: 'LIMIT' }],
    ...(isCounted ? [] : [{ title: 'CEILING' }]),
    ...[{ title: 'FOR' }, { title: 'UNTIL' }, { title: 'TARGETS', align: 'right' } as const],
    ...(isCounted ? (['USED', 'LEFT'] as const).map(title => ({ title, align: 'right' }) as const) : []),
    ...[{ title: 'OWNER' }, { title: 'TICKET' }],
  ];
  const rows = exceptions.map(one => [
    ...[exceptionWords[one.status], one.id, one.action, showValue(one.set)],
    ...(isCounted ? [] : [showValue(one.ceiling)]),
    ...[one.principal ?? showSelector(one.selector ?? {}), one.until, one.max_targets],
    ...(isCounted ? [one.used, one.left] : []),
    ...[one.owner, one.ticket],
  ]);
  return rows.length === 0 ? [] : indented(fitTable(columns, rows, roomOf(width)));
}

type Profile = Shown<Policy['profiles'][number]>;

/** Which entries stand on a profile, and what of it has no ground and limits nothing. Entries that differ in nothing stand together. */
export function profileLines(profiles: readonly Profile[], width: number | undefined): string[] {
  const twins = gather(profiles, ({ profile, idle }) => JSON.stringify([profile, idle]));
  return twins.flatMap(({ first: { profile, idle }, all }) => {
    const names = printable(listNames(all.map(({ action }) => action)));
    const like = `${names} ${all.length === 1 ? 'is' : 'are'} like ${printable(profile)}`;
    return [...wrapBehind('  ', like, width), ...idleLines(idle, width)];
  });
}

/** One line for all labels that are missing in the same limits: each takes several with it, and several go together. */
function idleLines(idle: Profile['idle'], width: number | undefined): string[] {
  const lacking = gather(idle, ({ why }) => why).map(({ first: { kind, lacks }, all }) => ({
    kind,
    ...lacks,
    keys: [...new Set(all.map(({ key, item }) => withItem(withoutName(key, lacks.name), item)))].join(', '),
  }));
  const together = gather(lacking, ({ kind, what, keys }) => JSON.stringify([kind, what, keys]));
  return together.flatMap(({ first: { kind, what, keys }, all }) => {
    const names = all.flatMap(({ name }) => name ?? []).toSorted();
    const lacks = names.length === 0 ? what : `${what} ${names.join(', ')}`;
    return wrapBehind('    ', printable(`idle, as ${kind} declares no ${lacks}: ${keys}`), width);
  });
}

/** `max_share.cell` → `max_share`, `match[0]` → `match`, where it is `cell` that the kind lacks. */
const withoutName = (key: string, name = ''): string =>
  key.endsWith(`.${name}`) ? key.slice(0, -name.length - 1) : key.replace(/^(match)\[\d+\]$/, '$1');

/** `windows[5]` → `windows (per region, over 24h)`: it is one of several, and its place is that in the profile's own file. */
const withItem = (key: string, item: string | undefined): string =>
  item === undefined ? key : key.replace(/\[\d+\]/, ` (${item})`);

type Gaps = Shown<Policy['gaps']>;

/** What may have been overlooked, each in a sentence that says what to write. A gate of before says none. */
export const warningLines = (gaps: Gaps, width: number | undefined): string[] =>
  (gaps?.warnings ?? []).flatMap(({ says, remedy }) =>
    wrapBehind('  ', printable(`${says}: ${remedy}`), width),
  );

/** Dimensions that were declared, and limit nothing: by action. */
export const unnamedLines = (gaps: Gaps, width: number | undefined): string[] =>
  (gaps?.unnamed ?? []).flatMap(({ action, dimensions }) =>
    wrapBehind('  ', printable(`${action}: no limit names: ${dimensions.join(', ')}`), width),
  );

interface Group<T> {
  readonly first: T;
  readonly all: readonly T[];
}

function gather<T>(all: readonly T[], by: (one: T) => string): Group<T>[] {
  const groups = new Map<string, Group<T>>();
  for (const one of all) {
    const group = groups.get(by(one));
    groups.set(
      by(one),
      group === undefined ? { first: one, all: [one] } : { ...group, all: [...group.all, one] },
    );
  }
  return [...groups.values()];
}
