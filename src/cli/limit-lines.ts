import { columnsOf } from './columns.ts';
import { printable } from './printable.ts';
import { formatTable, type Cell } from './table.ts';
import { showDuration } from './times.ts';
import { ITEMS, NARROWEST, wrap } from './wrap.ts';

/** A limit is whatever its check's manifest says, so it is shown as it stands: the key, and its value. */
export function limitLines(limits: unknown, width: number | undefined): string[] {
  const columns = [{ title: 'ACTION' }, { title: 'LIMIT' }, { title: 'VALUE' }] as const;
  const rows = entriesOf(memberOf(limits, 'actions')).flatMap(([action, own]) =>
    entriesOf(own).flatMap(([limit, value]) => valuesOf(limit, value).map(text => [action, limit, text])),
  );
  const top = entriesOf(memberOf(limits, 'budgets')).map(([, budget]) => [
    '(all)',
    'budget',
    showValue(budget),
  ]);
  const all = [...rows, ...top].map(([action = '', limit = '', value = '']) => ({ action, limit, value }));
  return all.length === 0
    ? ['  none: every request is refused']
    : indented(formatTable(columns, wrapValues(all, roomOf(width))));
}

/** Of labels to durations; their numbers have no unit in their names. */
const AGES: readonly string[] = ['require_age', 'require_recent'];

/** Each entry of a list is a line of its own. */
function valuesOf(limit: string, value: unknown): string[] {
  if (AGES.includes(limit)) return [showAges(value)];
  return Array.isArray(value) ? value.map(showValue) : [showValue(value)];
}

const showAges = (value: unknown): string =>
  entriesOf(value)
    .map(
      ([label, seconds]) =>
        `${label} ${typeof seconds === 'number' ? showDuration(seconds) : showValue(seconds)}`,
    )
    .join(', ');

/** Parts per million and seconds as they are written in the limits file. */
export function showValue(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean')
    return String(value);
  if (Array.isArray(value)) return value.map(showValue).join(' or ');
  // Nothing is allowed beyond the share: that is what a share says anyway.
  const members = entriesOf(value).filter(([name, member]) => !(name === 'at_least' && member === 0));
  // Beside a share it is no dimension of its own, but what is allowed whatever the share says.
  const said = members.map(([name, member]) =>
    name === 'at_least' ? `(${showMember([name, member])})` : showMember([name, member]),
  );
  return said.join(', ').replaceAll(', (', ' (');
}

function showMember([name, value]: readonly [string, unknown]): string {
  if (name === 'share_ppm' && typeof value === 'number') return `share ${value / 10_000}%`;
  if (name.endsWith('_s') && typeof value === 'number') return `${name.slice(0, -2)} ${showDuration(value)}`;
  const text = showValue(value);
  return `${name} ${text.replace(/^share /, '')}`;
}

const memberOf = (value: unknown, name: string): unknown => new Map(entriesOf(value)).get(name);

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : [];

interface LimitRow {
  readonly action: string;
  readonly limit: string;
  readonly value: string;
}

/** What does not fit goes on in the next line: of a limit nothing is cut, for it is the number that would be gone. */
function wrapValues(rows: readonly LimitRow[], width: number | undefined): Cell[][] {
  const widest = (texts: readonly string[]): number =>
    Math.max(...texts.map(text => columnsOf(printable(text))));
  const taken =
    widest(['ACTION', ...rows.map(({ action }) => action)]) +
    widest(['LIMIT', ...rows.map(({ limit }) => limit)]);
  const room = width === undefined ? undefined : Math.max(NARROWEST, width - taken - 4);
  return rows.flatMap(({ action, limit, value }) =>
    wrap(value, room, ITEMS).map((part, at) => (at === 0 ? [action, limit, part] : [' ', ' ', part])),
  );
}

/** `role console or dns, zone eu-1`. */
export const showSelector = (selector: Readonly<Record<string, readonly string[]>>): string =>
  Object.entries(selector)
    .map(([label, values]) => `${label} ${values.join(' or ')}`)
    .join(', ');

const INDENT = '  ';
export const indented = (lines: readonly string[]): string[] => lines.map(line => INDENT + line);
export const roomOf = (width: number | undefined): number | undefined =>
  width === undefined ? undefined : width - INDENT.length;
