import { commitAtRate } from './commits.ts';
import { loadHosts, startBenchGate } from './bench-gate.ts';
import { percentile, type Figure, type Row } from './figures.ts';
import { measureAtRate } from './load.ts';
import { startHelper, type BenchServer } from './processes.ts';
import { requestsOf } from './requests.ts';
import type { Extent } from './suite.ts';
import { refuseWrong } from './throughput.ts';

const HOSTS = 12_000;
const PER_SECOND = 50;

const kinds = ['refused', 'pre-flight', 'delivered', 'commit'] as const;
type Measured = (typeof kinds)[number];

const whatOf: Readonly<Record<Measured, string>> = {
  refused: 'refused, recorded',
  'pre-flight': 'pre-flight',
  delivered: 'allowed, forwarded, delivered',
  commit: 'one row and its commit, without HTTP',
};

/** How long an answer takes at fifty requests a second: half of them, and all but one in a hundred; against one bare commit. */
export async function latency(bench: BenchServer, extent: Extent): Promise<readonly Row[]> {
  const executor = await startHelper('quick-executor.ts');
  await bench.database('latency_bare');
  const client = await bench.admin('latency_bare');
  const gate = await startBenchGate({ executor: executor.url, store: await bench.database('latency_gate') });
  const measure = async (kind: Measured): Promise<readonly number[]> => {
    if (kind === 'commit') return await commitAtRate(client, PER_SECOND, extent.durationMs);
    const requests = requestsOf(kind, HOSTS);
    const load = { ...requests, url: gate.url, durationMs: extent.durationMs };
    const measured = await measureAtRate(load, PER_SECOND);
    refuseWrong(kind, requests.status, measured);
    return measured.latenciesMs;
  };
  try {
    await loadHosts(gate, HOSTS);
    const found = new Map(kinds.map(kind => [kind, { p50: new Array<number>(), p99: new Array<number>() }]));
    // The first round warms up, and is not counted.
    for (let round = 0; round <= extent.rounds; round += 1) {
      for (const kind of kinds) {
        const latenciesMs = await measure(kind);
        if (round === 0) continue;
        found.get(kind)?.p50.push(percentile(latenciesMs, 50));
        found.get(kind)?.p99.push(percentile(latenciesMs, 99));
      }
    }
    const figureOf = (kind: Measured, which: 'p50' | 'p99'): Figure => ({
      each: found.get(kind)?.[which] ?? [],
      unit: 'ms',
    });
    return (['refused', 'pre-flight', 'delivered'] as const).flatMap(kind =>
      (['p50', 'p99'] as const).map(which => ({
        what: `${whatOf[kind]}, ${which} at ${PER_SECOND}/s`,
        figure: figureOf(kind, which),
        against: { what: `${whatOf.commit}, ${which}`, figure: figureOf('commit', which) },
      })),
    );
  } finally {
    await client.end();
    await gate.stop();
    await gate.close();
    await executor.end();
  }
}
