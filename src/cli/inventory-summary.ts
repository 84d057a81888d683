import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { printable } from './printable.ts';
import { formatTable, showCount } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showDuration } from './times.ts';

/** Values of a dimension that are listed: the largest. */
const LISTED = 8;

/** What is in force of each kind. */
export async function runInventorySummary(
  json: boolean,
  calls: Pick<GateCalls, 'inventory'>,
  terminal: Terminal,
): Promise<number> {
  const inventory = await calls.inventory();
  if (json) terminal.say(JSON.stringify(inventory));
  else if (inventory.kinds.length === 0)
    terminal.say(
      'No inventory was ever loaded: nothing is decided without. interlock inventory load KIND FILE',
    );
  else {
    const columns = [
      { title: 'KIND' },
      { title: 'REVISION', align: 'right' },
      { title: 'TARGETS', align: 'right' },
      { title: 'READ' },
    ] as const;
    const rows = inventory.kinds.map(one => [
      one.kind,
      one.revision,
      one.count,
      `${showDuration(one.age_s)} ago`,
    ]);
    for (const line of formatTable(columns, rows, terminal.width)) terminal.say(line);
    for (const { kind, dimensions, weights = {}, sources = {} } of inventory.kinds) {
      for (const [source, { age_s: ageS, max_age_s: maxAgeS }] of Object.entries(sources))
        terminal.say(
          printable(
            `  ${kind} source ${source}: ${ageS === null ? 'never loaded' : `read ${showDuration(ageS)} ago`}, of at most ${showDuration(maxAgeS)}`,
          ),
        );
      for (const [dimension, values] of Object.entries(dimensions))
        terminal.say(lineOf(kind, dimension, values));
      for (const [weight, sums] of Object.entries(weights)) {
        terminal.say(printable(`  ${kind} weighs ${showCount(sums.total)} by ${weight}`));
        for (const [dimension, values] of Object.entries(sums.dimensions))
          terminal.say(lineOf(`${kind} ${weight}`, dimension, values));
      }
    }
  }
  return exitCode.done;
}

function lineOf(kind: string, dimension: string, values: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(values).toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const shown = sorted.slice(0, LISTED).map(([value, count]) => `${value} ${showCount(count)}`);
  const rest = sorted.length > LISTED ? `, and ${showCount(sorted.length - LISTED)} more values` : '';
  return printable(`  ${kind} by ${dimension}: ${shown.join(', ')}${rest}`);
}
