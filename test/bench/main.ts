/**
 * How fast the gate is, against what stands beside it in the same run.
 *
 *   npm run bench -- [--quick] [--only SECTION]… [--rounds N] [--seconds S] [--json FILE]
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { runSuite } from './suite.ts';
import { documentOf, tableOf } from './table.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'string', default: 'bench.json' },
  },
});

const extent = {
  quick: values.quick,
  rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
  durationMs: Number(values.seconds ?? (values.quick ? 1.5 : 4)) * 1000,
};
// What the machine does besides falls into the figures; so it is said with them.
const machine = { cores: cpus().length, node: process.version, loadBefore: loadavg() };
const rows = await runSuite(values.only, extent, line => console.error(line));
console.log(tableOf(rows));
console.log(
  `\n${machine.cores} cores, Node ${machine.node}, load before ${machine.loadBefore[0]?.toFixed(2)}`,
);
writeFileSync(values.json, `${JSON.stringify({ machine, extent, rows: documentOf(rows) }, null, 2)}\n`);
