import { loadHosts, startBenchGate } from './bench-gate.ts';
import type { Figure, Row } from './figures.ts';
import { startOpaServer } from './opa-server.ts';
import { startHelper, type BenchServer } from './processes.ts';
import type { Kind } from './requests.ts';
import { throughput, type ThroughputOptions } from './throughput.ts';
import { witnessOf } from './witness.ts';

const HOSTS = 12_000;

/** What the issue asks for, of a bare handler's requests a second. */
const rowsOf: readonly { readonly kind: Kind; readonly what: string; readonly atLeast?: number }[] = [
  { kind: 'refused', what: 'refused, recorded', atLeast: 0.5 },
  { kind: 'pre-flight', what: 'pre-flight', atLeast: 0.8 },
  { kind: 'delivered', what: 'allowed, forwarded, delivered', atLeast: 0.3 },
  { kind: 'insert', what: 'Express with one insert a request' },
];

/** Decisions a second over HTTP on PostgreSQL, against a bare Express handler, one that inserts a row, and the server of OPA where there is one. */
export async function firstRow(
  bench: BenchServer,
  options: Omit<ThroughputOptions, 'hosts'>,
): Promise<readonly Row[]> {
  const executor = await startHelper('quick-executor.ts');
  const bare = await startHelper('bare-express.ts', await bench.database('first_bare'));
  const gate = await startBenchGate({
    executor: executor.url,
    store: await bench.database('first_gate'),
  });
  const client = await bench.admin('first_gate');
  const opa = await startOpaServer(gate);
  try {
    await loadHosts(gate, HOSTS);
    const of = (url: string, ...kinds: readonly Kind[]) => kinds.map(kind => ({ kind, url }));
    const each = [
      ...of(bare.url, 'bare'),
      ...of(gate.url, 'refused', 'pre-flight', 'delivered'),
      ...of(bare.url, 'insert'),
      ...(opa === undefined ? [] : of(opa.url, 'opa')),
    ];
    const figures = await throughput(each, witnessOf(client, executor), { ...options, hosts: HOSTS });
    const figureOf = (kind: Kind): Figure => ({ each: figures.get(kind) ?? [], unit: '/s' });
    const rows = rowsOf.map(({ kind, what, atLeast }): Row => ({
      what,
      figure: figureOf(kind),
      against: { what: 'bare Express', figure: figureOf('bare') },
      ...(atLeast !== undefined && { target: { atLeast } }),
    }));
    if (opa === undefined) return rows;
    const against = { what: "OPA's server, same policy, nothing recorded", figure: figureOf('opa') };
    return [
      ...rows,
      { what: 'refused, recorded', figure: figureOf('refused'), against, target: { atLeast: 1 } },
    ];
  } finally {
    await client.end();
    await gate.stop();
    await gate.close();
    await bare.end();
    await executor.end();
    await opa?.end();
  }
}
