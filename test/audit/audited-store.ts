import { sql } from 'kysely';
import type { Kind } from '../../src/config/config.ts';
import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { verifyStore } from '../../src/audit/verify-store.ts';
import type { Store } from '../../src/db/store.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { ActionLimits } from '../../src/policy/limits.ts';
import { kind as plain, OneGate, type Sent } from '../ledger/budget-gates.ts';
import { firstHosts, IDS, REQUESTERS, traits } from '../ledger/budget-steps.ts';
import { shippedBundle } from '../policy/samples.ts';
import { keepTables, putTablesBack } from '../support/kept-tables.ts';
import { memoryStore } from '../support/store.ts';

/* A store in which everything has happened once, to be spoilt and put back. */

const feed = { labels: [], weights: [], maxAgeMs: plain.maxAgeMs };
const kind: Kind = {
  ...plain,
  weights: ['traffic'],
  sources: [
    { ...feed, name: 'hosts', principal: 'feed', ownsExistence: true, labels: ['region', 'state'] },
    { ...feed, name: 'scales', principal: 'scales', ownsExistence: false, weights: ['traffic'] },
  ],
};
/** The last one carries nothing: what is spoilt of it is found by what it is, and not by what all weigh. */
const weighed = IDS.map((id, index) => ({
  id,
  labels: {},
  weights: { traffic: id === 'h7' ? 0 : index + 2 },
}));

const entry = (more: Partial<ActionLimits>): ActionLimits => ({
  max_targets: 8,
  max_share: { fleet: { share_ppm: 1_000_000, at_least: 0 } },
  require: 'any',
  windows: [{ per: 'fleet', over_s: 3_600, max_targets: 8 }],
  ...more,
});

export interface AuditedStore {
  readonly store: Store;
  /** Allowed requests: one was delivered, one reported as refused, one waits for its outcome. */
  readonly allowed: {
    readonly delivered: string;
    readonly refused: string;
    readonly pending: string;
    /** By a plan, and of an artifact. */
    readonly rolled: string;
  };
  /** Runs a statement as somebody for whom no trigger and no foreign key stands in the way. @returns how many rows it changed */
  spoil(statement: string): Promise<number>;
  /** What verify finds. */
  findings(): Promise<readonly string[]>;
  putBack(): Promise<void>;
}

export async function auditedStore(): Promise<AuditedStore> {
  const store = await memoryStore();
  const run = async (statement: string): Promise<number> => {
    const { numAffectedRows } = await sql.raw(statement).execute(store.db);
    return Number(numAffectedRows ?? 0);
  };
  const allowed = await makeHistory(store);
  await run(keepTables);
  const spoil = async (statement: string): Promise<number> => {
    await run('set session_replication_role = replica');
    const changed = await run(statement);
    await run('set session_replication_role = origin');
    return changed;
  };
  return {
    store,
    allowed,
    spoil,
    findings: async () => {
      const { report, rows } = await verifyStore(store.db, [kind], new ChainVerifier());
      const chain = report.finding === undefined ? [] : [report.finding.message];
      return [...chain, ...rows.map(({ message }) => message)];
    },
    putBack: async () => {
      await run(putTablesBack);
    },
  };
}

async function makeHistory(store: Store): Promise<AuditedStore['allowed']> {
  const limits = {
    actions: {
      'disk.wipe': entry({}),
      'host.reboot': entry({ max_requests: [{ per: 'fleet', over_s: 3_600, max: 1 }] }),
    },
    budgets: [],
    protected: [],
    freezes: [],
    exceptions: [],
  };
  const policy = createPolicy(await shippedBundle(), limits);
  const gate = new OneGate({
    ...{ store, policy, traits, kind },
    ...{ requesters: REQUESTERS, ids: IDS, clock: systemClock },
  });
  let keys = 0;
  // Each by itself: rows are summed per batch, and a row of two is another's too.
  const ask = async (
    action: string,
    ids: readonly string[],
    counted = true,
    names: Pick<Sent, 'artifact' | 'generation'> = {},
  ): Promise<string> => {
    const key = `k${(keys += 1)}`;
    const sent: Sent = { principal: 'bot', action, ids, counted, key, keyWasFree: true, ...names };
    const [answer] = await gate.ask([sent]);
    if (answer === undefined || 'repeat' in answer.decided) throw new Error('a repeat');
    return answer.decided.document.id;
  };
  await gate.start();
  await gate.load(firstHosts, Date.now() - 1_000);
  await gate.loadLines(weighed, Date.now() - 1_000, 'scales');
  const delivered = await ask('disk.wipe', ['h0', 'h4']);
  const refused = await ask('disk.wipe', ['h5']);
  await ask('disk.wipe', ['h1'], false);
  await ask('disk.wipe', ['nowhere']);
  const rolled = await ask('disk.wipe', ['h6'], true, { artifact: 'v1', generation: 3 });
  const pending = await ask('host.reboot', ['h2']);
  await ask('host.reboot', ['h3']);
  // Refused for two reasons.
  await ask('host.reboot', ['h2', 'h3']);
  for (const [id, as] of [
    [delivered, 'delivered'],
    [refused, 'unknown'],
  ] as const)
    await gate.event(id, { type: 'attempt', attempt: 1, attempted: { kind: as, detail: 'a test' } });
  const report = { type: 'report', status: 'refused', fromExecutor: false, by: 'oncall' } as const;
  await gate.event(refused, report);
  await gate.release(await gate.engage({ scope: {}, except: [] }));
  const seen = { artifact: 'v1', name: 'health' };
  await gate.say({ ...seen, status: 'failed', dimension: 'region', value: 'eu' }, 'observer');
  await gate.say({ ...seen, status: 'passed' }, 'observer');
  await gate.load(new Map([...firstHosts].slice(1)), Date.now() - 1);
  return { delivered, refused, pending, rolled };
}
