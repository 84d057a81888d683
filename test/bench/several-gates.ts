import type { Gate } from '../support/gate.ts';
import { loadHosts, startBenchGate } from './bench-gate.ts';
import type { Row } from './figures.ts';
import { measure } from './load.ts';
import { startHelper, type BenchServer } from './processes.ts';
import { requestsOf } from './requests.ts';
import type { Extent } from './suite.ts';
import { CONNECTIONS, refuseWrong } from './throughput.ts';

const HOSTS = 12_000;
const COUNTS = [1, 2, 4] as const;

/** Recorded refusals a second of all gates together: the same connections, spread over them. */
async function totalOf(gates: readonly Gate[], durationMs: number): Promise<number> {
  const requests = requestsOf('refused', HOSTS);
  const connections = CONNECTIONS / gates.length;
  const all = await Promise.all(
    gates.map(async ({ url }) => await measure({ ...requests, url, connections, durationMs })),
  );
  for (const one of all) refuseWrong('refused', requests.status, one);
  return all.reduce((sum, { perSecond }) => sum + perSecond, 0);
}

/** Decisions a second of one, two and four gates on one PostgreSQL. Several are for availability: each gate needs a core. */
export async function severalGates(bench: BenchServer, extent: Extent): Promise<readonly Row[]> {
  const executor = await startHelper('quick-executor.ts');
  const store = await bench.database('several_gates');
  const gates: Gate[] = [];
  try {
    while (gates.length < Math.max(...COUNTS))
      gates.push(await startBenchGate({ executor: executor.url, store }));
    const [first] = gates;
    if (first !== undefined) await loadHosts(first, HOSTS);
    const found = new Map(COUNTS.map(count => [count, new Array<number>()]));
    // The first round warms up, and is not counted.
    for (let round = 0; round <= extent.rounds; round += 1)
      for (const count of COUNTS) {
        const total = await totalOf(gates.slice(0, count), extent.durationMs);
        if (round > 0) found.get(count)?.push(total);
      }
    const figureOf = (count: (typeof COUNTS)[number]) => ({ each: found.get(count) ?? [], unit: '/s' });
    return COUNTS.map(count => ({
      what: `refused, recorded: ${count === 1 ? 'one gate' : `${count} gates`}`,
      figure: figureOf(count),
      ...(count > 1 && { against: { what: 'one gate', figure: figureOf(1) } }),
    }));
  } finally {
    for (const gate of gates) {
      await gate.stop();
      await gate.close();
    }
    await executor.end();
  }
}
