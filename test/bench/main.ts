/**
 * How fast the gate is, as ratios: each figure beside what it is held against, measured in one run, in alternating rounds.
 *
 *   npm run bench -- [--quick] [--rounds N] [--seconds N] [--json FILE]
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { loadHosts, startBenchGate } from './bench-gate.ts';
import { startBenchServer, startHelper } from './processes.ts';
import { printRows, toRows, type Row } from './table.ts';
import { throughput, type Round } from './throughput.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'string', default: 'bench.json' },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? '2' : '5'));
const durationMs = Number(values.seconds ?? (values.quick ? '2' : '5')) * 1000;
const HOSTS = 12_000;

const bench = await startBenchServer();
const executor = await startHelper('quick-executor.ts');
const bare = await startHelper('bare-express.ts', await bench.database('bare'));

/** One store's rows: the gate on it, beside bare Express. */
async function measureOn(store: string, url: string | undefined): Promise<Row[]> {
  console.error(`${store}: ${rounds} rounds of ${durationMs / 1000} s each, and one to warm up`);
  const gate = await startBenchGate({ executor: executor.url, ...(url !== undefined && { store: url }) });
  try {
    await loadHosts(gate, HOSTS);
    const each: readonly Round[] = [
      { kind: 'bare', url: bare.url },
      { kind: 'refused', url: gate.url },
      { kind: 'pre-flight', url: gate.url },
      { kind: 'delivered', url: gate.url },
      { kind: 'insert', url: bare.url },
    ];
    return toRows(store, await throughput(each, { rounds, durationMs, hosts: HOSTS }));
  } finally {
    await gate.close();
  }
}

try {
  const rows = [
    ...(await measureOn('PostgreSQL', await bench.database('gate_alone'))),
    ...(await measureOn('embedded', undefined)),
  ];
  printRows(rows);
  const machine = { node: process.version, cores: cpus().length, model: cpus()[0]?.model };
  writeFileSync(values.json, `${JSON.stringify({ at: new Date().toISOString(), machine, rows }, null, 2)}\n`);
} finally {
  await bare.end();
  await executor.end();
  await bench.server.stop();
}
