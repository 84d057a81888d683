import { embedded } from './embedded.ts';
import { firstRow } from './first-row.ts';
import type { Row } from './figures.ts';
import { flatness } from './flatness.ts';
import { largeRequest } from './large-request.ts';
import { latency } from './latency.ts';
import { startBenchServer, type BenchServer } from './processes.ts';
import { severalGates } from './several-gates.ts';
import { start } from './start.ts';

export interface Extent {
  readonly quick: boolean;
  readonly rounds: number;
  readonly durationMs: number;
}

type Section = (bench: BenchServer, extent: Extent) => Promise<readonly Row[]>;

/** In this order; each by the name that `--only` takes. */
export const sections: Readonly<Record<string, Section>> = {
  throughput: firstRow,
  embedded,
  latency,
  flatness,
  large: largeRequest,
  gates: severalGates,
  start,
};

/** Runs the named sections, or all, over one throwaway server. */
export async function runSuite(
  only: readonly string[],
  extent: Extent,
  say: (line: string) => void,
): Promise<readonly Row[]> {
  const unknown = only.filter(name => !Object.hasOwn(sections, name));
  if (unknown.length > 0)
    throw new Error(`no such section: ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}`);
  const bench = await startBenchServer();
  const rows: Row[] = [];
  try {
    for (const [name, run] of Object.entries(sections)) {
      if (only.length > 0 && !only.includes(name)) continue;
      const startedMs = performance.now();
      rows.push(...(await run(bench, extent)));
      say(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
    }
    return rows;
  } finally {
    await bench.server.stop();
  }
}
