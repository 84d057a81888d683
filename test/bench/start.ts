import { loadHosts, startBenchGate } from './bench-gate.ts';
import type { Row } from './figures.ts';
import { measure } from './load.ts';
import { residentMb } from './resident.ts';
import { startHelper, type BenchServer } from './processes.ts';
import { requestsOf } from './requests.ts';
import type { Extent } from './suite.ts';
import { CONNECTIONS, refuseWrong } from './throughput.ts';

const HOSTS = 12_000;

/** From the start of the process to the address that it prints, and what it then holds in memory, before a load and after. */
export async function start(bench: BenchServer, { rounds, durationMs }: Extent): Promise<readonly Row[]> {
  const executor = await startHelper('quick-executor.ts');
  const gate = await startBenchGate({ executor: executor.url, store: await bench.database('start_gate') });
  try {
    await loadHosts(gate, HOSTS);
    const found = { readyMs: new Array<number>(), started: new Array<number>(), loaded: new Array<number>() };
    for (let round = 0; round < rounds; round += 1) {
      await gate.stop();
      const startedMs = performance.now();
      await gate.restart();
      found.readyMs.push(performance.now() - startedMs);
      found.started.push(residentMb(gate.pid));
      const requests = requestsOf('delivered', HOSTS);
      const load = { ...requests, url: gate.url, connections: CONNECTIONS, durationMs };
      refuseWrong('delivered', requests.status, await measure(load));
      found.loaded.push(residentMb(gate.pid));
    }
    const started = { each: found.started, unit: 'MB' };
    return [
      { what: 'start to ready', figure: { each: found.readyMs, unit: 'ms' } },
      { what: 'resident memory after start', figure: started },
      {
        what: 'resident memory after load',
        figure: { each: found.loaded, unit: 'MB' },
        against: { what: 'after start', figure: started },
      },
    ];
  } finally {
    await gate.stop();
    await gate.close();
    await executor.end();
  }
}
