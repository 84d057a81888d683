import type { Client } from 'pg';
import type { Gate } from '../support/gate.ts';
import { ACTION, databaseWithHosts, startBenchGate } from './bench-gate.ts';
import { percentile, type Row } from './figures.ts';
import { measure } from './load.ts';
import { startHelper, type BenchServer } from './processes.ts';
import { requestsOf } from './requests.ts';
import type { Extent } from './suite.ts';
import { refuseWrong } from './throughput.ts';

const FEW_HOSTS = 1_000;
const kinds = ['refused', 'delivered'] as const;

/** What one store has much of, where the others have little. */
interface Full {
  readonly name: string;
  readonly what: string;
  readonly hosts: number;
  /** Writes rows while no gate runs on the store. */
  fill(client: Client): Promise<void>;
}

/** So many refusals as a gate would have written them before, one a second; only their hashes are made up. */
const fillAudit = (rows: number) => async (client: Client) => {
  await client.query(`
    insert into entries (seq, at, type, prev, hash)
    select h.seq + n, h.at, 'decision', h.hash, 'sha256:' || md5(n::text) || md5((-n)::text)
    from head h, generate_series(1, ${rows}) n`);
  await client.query(`
    insert into decisions (id, mode, seq, decided_at, principal, action, kind, decision, status, rules, idempotency_key,
      holds_key, body_digest, targets_digest, target_count, document)
    select gen_random_uuid(), mode, h.seq + n, decided_at - make_interval(secs => n), principal, action, kind, decision, status, rules,
      gen_random_uuid()::text, true, body_digest, targets_digest, target_count, document
    from head h, (select * from decisions where decision = 'refused' order by decided_at desc limit 1) d, generate_series(1, ${rows}) n`);
  // A start looks whether each of the newest was counted.
  await client.query(`
    insert into asks (version, at, action, principal, refused_by, count)
    select h.version, decided_at - make_interval(secs => n), action, principal, '{}', 1
    from head h, (select * from decisions where decision = 'refused' order by decided_at desc limit 1) d, generate_series(1, ${rows}) n`);
  await client.query(`
    update head set seq = e.seq, hash = e.hash, version = version + 1 from (select seq, hash from entries order by seq desc limit 1) e`);
};

/** So many batches in the last hour that each spent something in every window of the action. */
const fillWindows = (entries: number) => async (client: Client) => {
  await client.query(`
    insert into spends (version, at, kind, action, principal, dimension, value, count)
    select h.version, h.at - make_interval(secs => 3000.0 * n / ${entries}), 'host', '${ACTION}', 'bot', dimension, value, 2
    from head h, generate_series(1, ${entries}) n,
      (values ('fleet', 'host'), ('region', 'region-0'), ('zone', 'zone-0'), ('cluster', 'cluster-0'), ('rack', 'rack-0')) as v(dimension, value)`);
};

/** A gate on a store of its own with one decision of each kind in it, started once more when the store was filled. */
async function gateOn(bench: BenchServer, executor: string, full: Full): Promise<Gate> {
  const database = `flat_${full.name}`;
  const gate = await startBenchGate({
    executor,
    store: await databaseWithHosts(bench, executor, database, full.hosts),
  });
  for (const kind of kinds) {
    const requests = requestsOf(kind, FEW_HOSTS);
    const first = { ...requests, url: gate.url, connections: 1, durationMs: 0 };
    refuseWrong(kind, requests.status, await measure(first));
  }
  await gate.stop();
  const client = await bench.admin(database);
  await full.fill(client);
  await client.query('vacuum analyze');
  await client.end();
  await gate.restart();
  return gate;
}

/** The time of a decision, half of all, where a store has much of something, against one that has little of everything: it must not grow. */
export async function flatness(bench: BenchServer, extent: Extent): Promise<readonly Row[]> {
  const many = extent.quick ? 100_000 : 1_000_000;
  const shown = many.toLocaleString('en');
  const nothing = async (): Promise<void> => await Promise.resolve();
  const little: Full = { name: 'little', what: 'little', hosts: FEW_HOSTS, fill: nothing };
  const each: readonly Full[] = [
    { ...little, name: 'hosts', what: `inventory of ${shown}`, hosts: many },
    { ...little, name: 'audit', what: `${shown} decisions recorded`, fill: fillAudit(many) },
    { ...little, name: 'windows', what: 'windows of 10,000 entries', fill: fillWindows(10_000) },
  ];
  const executor = await startHelper('quick-executor.ts');
  const gates = new Map<Full, Gate>();
  try {
    for (const full of [little, ...each]) gates.set(full, await gateOn(bench, executor.url, full));
    const found = new Map<string, number[]>();
    // The first round warms up, and is not counted.
    for (let round = 0; round <= extent.rounds; round += 1)
      for (const [full, { url }] of gates)
        for (const kind of kinds) {
          const requests = requestsOf(kind, FEW_HOSTS);
          const measured = await measure({
            ...requests,
            url,
            connections: 1,
            durationMs: extent.durationMs / 2,
          });
          refuseWrong(kind, requests.status, measured);
          if (round === 0) continue;
          const key = `${full.name} ${kind}`;
          found.set(key, [...(found.get(key) ?? []), percentile(measured.latenciesMs, 50)]);
        }
    const figureOf = (full: Full, kind: string) => ({
      each: found.get(`${full.name} ${kind}`) ?? [],
      unit: 'ms',
    });
    return each.flatMap(full =>
      kinds.map(kind => ({
        what: `${kind}, p50: ${full.what}`,
        figure: figureOf(full, kind),
        against: { what: 'inventory of 1,000, nothing before', figure: figureOf(little, kind) },
        target: { atMost: 1.3 },
      })),
    );
  } finally {
    for (const gate of gates.values()) {
      await gate.stop();
      await gate.close();
    }
    await executor.end();
  }
}
