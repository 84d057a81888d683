import { loadHosts, startBenchGate } from './bench-gate.ts';
import { median, type Row } from './figures.ts';
import { measure } from './load.ts';
import { startHelper, type BenchServer } from './processes.ts';
import { requestsOf } from './requests.ts';
import type { Extent } from './suite.ts';
import { CONNECTIONS, refuseWrong } from './throughput.ts';

const HOSTS = 12_000;
const kinds = ['bare', 'refused', 'pre-flight', 'delivered'] as const;

/** The first line once more, on the embedded store: its database runs in the gate's own process. */
export async function embedded(_: BenchServer, { rounds, durationMs }: Extent): Promise<readonly Row[]> {
  const executor = await startHelper('quick-executor.ts');
  const bare = await startHelper('bare-express.ts');
  const gate = await startBenchGate({ executor: executor.url });
  try {
    await loadHosts(gate, HOSTS);
    const found = new Map(kinds.map(kind => [kind, new Array<number>()]));
    // The first round warms up, and is not counted.
    for (let round = 0; round <= rounds; round += 1)
      for (const kind of kinds) {
        const requests = requestsOf(kind, HOSTS);
        const url = kind === 'bare' ? bare.url : gate.url;
        const measured = await measure({ ...requests, url, connections: CONNECTIONS, durationMs });
        refuseWrong(kind, requests.status, measured);
        if (round > 0) found.get(kind)?.push(measured.perSecond);
      }
    const figureOf = (kind: (typeof kinds)[number]) => ({ each: found.get(kind) ?? [], unit: '/s' });
    const against = { what: 'bare Express', figure: figureOf('bare') };
    if (Number.isNaN(median(against.figure.each))) throw new Error('nothing to hold the gate against');
    return kinds.slice(1).map(kind => ({ what: `embedded store: ${kind}`, figure: figureOf(kind), against }));
  } finally {
    await gate.stop();
    await gate.close();
    await bare.end();
    await executor.end();
  }
}
