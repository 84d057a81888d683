import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { keyOf, type Gate } from '../support/gate.ts';
import { databaseWithHosts, hostName, startBenchGate, SWEEP } from './bench-gate.ts';
import type { Figure, Row } from './figures.ts';
import { startHelper, type BenchServer } from './processes.ts';
import { peakMb } from './resident.ts';
import type { Extent } from './suite.ts';

/** What a decision has to know of a target set at the least: how many of it have each value of each dimension. */
const COUNT = `
  select labels ->> 'region', labels ->> 'zone', labels ->> 'cluster', labels ->> 'rack', state, count(*)
  from inventory_targets
  where kind = 'host' and to_revision is null and id in (select jsonb_array_elements_text($1::jsonb))
  group by grouping sets ((1), (2), (3), (4), (5))`;

const timed = async (run: () => Promise<void>): Promise<number> => {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
};

async function ask(gate: Gate, path: string, ids: readonly string[], holds: string): Promise<void> {
  const answer = await fetch(`${gate.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${keyOf('bot')}`,
      'content-type': 'application/json',
      ...(path === '/v1/requests' && { 'idempotency-key': randomUUID() }),
    },
    body: JSON.stringify({
      action: SWEEP,
      targets: { ids },
      reason: 'the site is given up',
      ticket: 'DC-4712',
    }),
  });
  const text = await answer.text();
  if (answer.status !== 200 || !text.includes(holds)) throw new Error(`${path}: ${answer.status} ${text}`);
}

async function count(client: Client, ids: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ count: string }>(COUNT, [JSON.stringify(ids)]);
  const counted = rows.reduce((sum, row) => sum + Number(row.count), 0);
  // Each of the five groupings counts each target once.
  if (counted !== 5 * ids.length) throw new Error(`${counted} targets were counted`);
}

/** One request for a tenth of a large fleet: its time and the memory it takes, against the bare SQL that counts the same set. */
export async function largeRequest(bench: BenchServer, extent: Extent): Promise<readonly Row[]> {
  const hosts = extent.quick ? 100_000 : 1_000_000;
  const targets = hosts / 10;
  const executor = await startHelper('quick-executor.ts');
  const gate = await startBenchGate({
    executor: executor.url,
    store: await databaseWithHosts(bench, executor.url, 'large', hosts),
  });
  const client = await bench.admin('large');
  const found = {
    preflight: [] as number[],
    delivered: [] as number[],
    sql: [] as number[],
    mb: [] as number[],
  };
  try {
    await client.query('analyze inventory_targets');
    // Each round takes hosts that none has taken yet: what is delivered is held.
    for (let round = 0; round < extent.rounds; round += 1) {
      const ids = Array.from({ length: targets }, (_, at) => hostName(round * targets + at));
      found.sql.push(await timed(async () => await count(client, ids)));
      const preflight = async (): Promise<void> =>
        await ask(gate, '/v1/preflight', ids, '"decision":"allowed"');
      found.mb.push(
        await peakMb(gate.pid, async () => {
          found.preflight.push(await timed(preflight));
        }),
      );
      found.delivered.push(
        await timed(async () => await ask(gate, '/v1/requests', ids, '"status":"delivered"')),
      );
    }
    const ms = (each: readonly number[]): Figure => ({ each, unit: 'ms' });
    const of = `${targets.toLocaleString('en')} targets of ${hosts.toLocaleString('en')}`;
    const against = { what: 'bare SQL that counts them by value', figure: ms(found.sql) };
    return [
      { what: `pre-flight of ${of}`, figure: ms(found.preflight), against },
      { what: `delivered: ${of}`, figure: ms(found.delivered), against },
      { what: `memory for that pre-flight, at its peak`, figure: { each: found.mb, unit: 'MB' } },
    ];
  } finally {
    await client.end();
    await gate.stop();
    await gate.close();
    await executor.end();
  }
}
