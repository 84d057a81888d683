import { loadHosts, startBenchGate } from './bench-gate.ts';
import { percentile, type Figure, type Row } from './figures.ts';
import { measureAtRate } from './load.ts';
import { startHelper, type BenchServer } from './processes.ts';
import { requestsOf, type Kind } from './requests.ts';
import type { Extent } from './suite.ts';
import { refuseWrong } from './throughput.ts';

const HOSTS = 12_000;
const PER_SECOND = 50;

const kinds = ['refused', 'pre-flight', 'delivered', 'insert'] as const;

const whatOf: Readonly<Record<(typeof kinds)[number], string>> = {
  refused: 'refused, recorded',
  'pre-flight': 'pre-flight',
  delivered: 'allowed, forwarded, delivered',
  insert: 'one row and its commit, over HTTP',
};

/** How long an answer takes at fifty requests a second: half of them, and all but one in a hundred; against one commit. */
export async function latency(bench: BenchServer, extent: Extent): Promise<readonly Row[]> {
  const executor = await startHelper('quick-executor.ts');
  const bare = await startHelper('bare-express.ts', await bench.database('latency_bare'));
  const gate = await startBenchGate({ executor: executor.url, store: await bench.database('latency_gate') });
  try {
    await loadHosts(gate, HOSTS);
    const found = new Map<Kind, { p50: number[]; p99: number[] }>(
      kinds.map(kind => [kind, { p50: [], p99: [] }]),
    );
    // The first round warms up, and is not counted.
    for (let round = 0; round <= extent.rounds; round += 1) {
      for (const kind of kinds) {
        const requests = requestsOf(kind, HOSTS);
        const url = kind === 'insert' ? bare.url : gate.url;
        const measured = await measureAtRate({ ...requests, url, durationMs: extent.durationMs }, PER_SECOND);
        refuseWrong(kind, requests.status, measured);
        if (round === 0) continue;
        found.get(kind)?.p50.push(percentile(measured.latenciesMs, 50));
        found.get(kind)?.p99.push(percentile(measured.latenciesMs, 99));
      }
    }
    const figureOf = (kind: Kind, which: 'p50' | 'p99'): Figure => ({
      each: found.get(kind)?.[which] ?? [],
      unit: 'ms',
    });
    return (['refused', 'pre-flight', 'delivered'] as const).flatMap(kind =>
      (['p50', 'p99'] as const).map(which => ({
        what: `${whatOf[kind]}, ${which} at ${PER_SECOND}/s`,
        figure: figureOf(kind, which),
        against: { what: `${whatOf.insert}, ${which}`, figure: figureOf('insert', which) },
      })),
    );
  } finally {
    await gate.stop();
    await gate.close();
    await bare.end();
    await executor.end();
  }
}
