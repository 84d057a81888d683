import type { Inventory } from '../client/types.ts';
import { showCount } from '../kit/units.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import type { NextCommand } from './next-command.ts';
import { jsonLine, printable } from './printable.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showDuration } from './times.ts';

/** Values of a dimension that are listed: the largest. */
const LISTED = 8;

/** What is in force of each kind. */
export async function runInventorySummary(
  json: boolean,
  calls: Pick<GateCalls, 'inventory' | 'readyToDecide' | 'next'>,
  terminal: Terminal,
): Promise<number> {
  const inventory = await calls.inventory();
  const lines = json ? [jsonLine(inventory)] : linesOf(inventory.kinds, calls.next, terminal.width);
  for (const line of lines) terminal.say(line);
  await sayWhatStops(calls, terminal);
  return exitCode.done;
}

/** A kind that is stale looks like a fresh one, and one that was never loaded is in no table. What the gate does not say is no warning. */
async function sayWhatStops(calls: Pick<GateCalls, 'readyToDecide'>, terminal: Terminal): Promise<void> {
  const ready = await calls.readyToDecide().catch(() => undefined);
  for (const [kind, { ok, known, detail }] of Object.entries(ready?.checks.kinds ?? {}))
    if (!ok && known !== false)
      terminal.complain(printable(`Every request for ${kind} is refused: ${detail ?? 'it is not ready'}`));
}

type Kinds = Inventory['kinds'];

function linesOf(kinds: Kinds, next: NextCommand, width: number | undefined): string[] {
  if (kinds.length === 0)
    return [
      `No inventory was ever loaded, and nothing is decided without one. ${next('inventory load KIND FILE', 'another')}`,
    ];
  const columns = [
    { title: 'KIND' },
    { title: 'REVISION', align: 'right' },
    { title: 'TARGETS', align: 'right' },
    { title: 'READ' },
  ] as const;
  const rows = kinds.map(one => [one.kind, one.revision, one.count, `${showDuration(one.age_s)} ago`]);
  return [...formatTable(columns, rows, width), ...kinds.flatMap(kindLines)];
}

function kindLines({ kind, dimensions, weights = {}, sources = {} }: Kinds[number]): string[] {
  const sourceLines = Object.entries(sources).map(([source, { age_s: ageS, max_age_s: maxAgeS }]) => {
    const age = ageS === null ? 'never loaded' : `read ${showDuration(ageS)} ago`;
    return printable(`  ${kind} source ${source}: ${age}, of at most ${showDuration(maxAgeS)}`);
  });
  const weightLines = Object.entries(weights).flatMap(([weight, sums]) => [
    printable(`  ${kind} weighs ${showCount(sums.total)} by ${weight}`),
    ...valueLines(`${kind} ${weight}`, sums.dimensions),
  ]);
  return [...sourceLines, ...valueLines(kind, dimensions), ...weightLines];
}

const valueLines = (of: string, dimensions: Kinds[number]['dimensions']): string[] =>
  Object.entries(dimensions).map(([dimension, values]) => lineOf(of, dimension, values));

function lineOf(kind: string, dimension: string, values: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(values).toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const shown = sorted.slice(0, LISTED).map(([value, count]) => `${value} ${showCount(count)}`);
  const rest = sorted.length > LISTED ? `, and ${showCount(sorted.length - LISTED)} more values` : '';
  return printable(`  ${kind} by ${dimension}: ${shown.join(', ')}${rest}`);
}
