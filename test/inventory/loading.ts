import { sql } from 'kysely';
import type { Kind, Principal, Role } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import type { FlipTurn, InventoryEntry, InventoryLedger } from '../../src/inventory/flip.ts';
import { Inventory, type Loaded, type LoadRequest } from '../../src/inventory/inventory.ts';
import type { LoadRefusal } from '../../src/inventory/load-refusal.ts';
import { systemClock, type Clock } from '../../src/kit/clock.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { isRefusal } from '../../src/kit/refusal.ts';

/** Ten of a hundred may go, twenty of a hundred may be relabelled, looked at over a day. */
export const host: Kind = {
  name: 'host',
  dimensions: ['region', 'rack'],
  state: { label: 'state', inService: ['serving', 'draining'] },
  labels: ['owner'],
  optional: ['quarantined_at'],
  maxAgeMs: 86_400_000,
  maxShrinkPpm: 100_000,
  maxChangePpm: 200_000,
};

let kinds = 0;

/** `host` under a name of its own: a kind for one test, on a store that many share. */
export const freshKind = (more: Partial<Kind> = {}): Kind => ({
  ...host,
  ...more,
  name: `host-${(kinds += 1)}`,
});

/** One that may shrink and change as it likes, where that is not what is looked at. */
export const unmeasuredKind = (): Kind => freshKind({ maxShrinkPpm: 1_000_000, maxChangePpm: 1_000_000 });

export const principal = (name: string, ...roles: readonly Role[]): Principal => ({
  name,
  keys: [],
  roles: new Set(roles),
  actions: new Set(),
});

export const feed = principal('cmdb-sync', 'inventory');
export const oncall = principal('oncall', 'operator');

export interface HostLine {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A host in r1, serving, unless said otherwise. */
export const hostLine = (id: string, labels: Readonly<Record<string, string>> = {}): HostLine => ({
  id,
  labels: { region: 'eu', rack: 'r1', state: 'serving', owner: 'team-a', ...labels },
});

export const hostNames = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => `h-${String(index + from).padStart(4, '0')}`);

export const hostLines = (
  count: number,
  labels: Readonly<Record<string, string>> = {},
  from = 1,
): HostLine[] => hostNames(count, from).map(id => hostLine(id, labels));

export const ndjson = (lines: readonly object[]): string =>
  lines.map(line => `${JSON.stringify(line)}\n`).join('');

/** A stream of bytes in one piece, or in pieces of a size. */
export async function* streamOf(
  text: string | Uint8Array,
  pieceBytes?: number,
): AsyncGenerator<Uint8Array, void> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const size = pieceBytes ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

/** What the ledger does, and no more: the head's lock, an entry, the head. */
export function plainLedger(
  store: Store,
  hooks: {
    readonly nowMs?: () => number;
    readonly beforeFlip?: () => Promise<void>;
    /** Another gate has activated another policy while the load was on its way. */
    readonly isStale?: boolean;
    /** What is written of an entry, if not all. */
    readonly kept?: (entry: InventoryEntry) => object;
  } = {},
): InventoryLedger {
  return {
    arrive: async () => {
      const { rows } = await sql<{ seq: number; now: number }>`
        select seq, greatest(at, clock_timestamp()) as now from head`.execute(store.db);
      const [head] = rows;
      if (head === undefined) throw new Error('no head');
      return { nowMs: head.now, seq: head.seq, isStale: false };
    },
    flip: async flip => {
      await hooks.beforeFlip?.();
      return await store.db.transaction().execute(async tx => {
        const { rows } = await sql<{ seq: number; version: number; now: number }>`
          select seq, version, greatest(at, clock_timestamp()) as now from head for update`.execute(tx);
        const [head] = rows;
        if (head === undefined) throw new Error('no head');
        const turn: FlipTurn = {
          nowMs: hooks.nowMs?.() ?? head.now,
          seq: head.seq + 1,
          version: head.version + 1,
          isStale: hooks.isStale === true,
        };
        const entry = await flip(tx, turn);
        if (isRefusal(entry)) return entry;
        const at = new Date(turn.nowMs);
        await sql`insert into entries (seq, at, type, body, prev, hash)
          values (${turn.seq}, ${at}, 'inventory', ${JSON.stringify(hooks.kept?.(entry) ?? entry)}, ${`p${turn.seq}`}, ${`h${turn.seq}`})`.execute(
          tx,
        );
        await sql`update head set seq = ${turn.seq}, version = ${turn.version}, at = ${at}`.execute(tx);
        return entry;
      });
    },
  };
}

export interface LoadingOptions {
  readonly kinds?: readonly Kind[];
  readonly clock?: Clock;
  readonly ledger?: InventoryLedger;
}

/** An inventory over a store. */
export const inventoryOver = (store: Store, options: LoadingOptions = {}): Inventory =>
  new Inventory({
    db: store.db,
    embedded: store.embedded,
    kinds: new Map((options.kinds ?? [host]).map(kind => [kind.name, kind])),
    ledger: options.ledger ?? plainLedger(store),
    clock: options.clock ?? systemClock,
    logger: createLogger('silent'),
  });

export interface Sent {
  readonly kind?: string;
  readonly by?: Principal;
  readonly query?: Readonly<Record<string, string>>;
  readonly csv?: boolean;
  /** Instead of the lines. */
  readonly content?: AsyncIterable<Uint8Array>;
}

export const requestOf = (lines: readonly object[] | string, sent: Sent = {}): LoadRequest => ({
  kind: sent.kind ?? 'host',
  by: sent.by ?? feed,
  isStillKnown: () => true,
  format: sent.csv === true ? 'csv' : 'ndjson',
  content: sent.content ?? streamOf(typeof lines === 'string' ? lines : ndjson(lines)),
  query: new Map(Object.entries(sent.query ?? {})),
});

/** The load as it was taken; a refusal of it fails the test. */
export function taken(result: Loaded | LoadRefusal | undefined): Loaded {
  if (result === undefined) throw new Error('the kind is not declared');
  if (isRefusal(result))
    throw new Error(result.reasons.map(({ rule, message }) => `${rule}: ${message}`).join('; '));
  return result;
}

/** What the load was refused with; a load that was taken fails the test. */
export function refusedWith(result: Loaded | LoadRefusal | undefined): LoadRefusal {
  if (result === undefined || !isRefusal(result)) throw new Error(`not refused: ${JSON.stringify(result)}`);
  return result;
}

export interface Contents {
  readonly revision: number;
  readonly rows: readonly { readonly id: string; readonly labels: unknown; readonly state: string | null }[];
  /** `dimension=value` → [targets, in service]. */
  readonly totals: Readonly<Record<string, readonly [number, number]>>;
}

/** What is in force: the rows, and the totals; and that the totals are those of the rows. */
export async function contents(store: Store, kind: Kind = host): Promise<Contents> {
  const { rows: kinds } = await sql<{ revision: number; count: number }>`
    select revision, count from inventory_kinds where kind = ${kind.name}`.execute(store.db);
  const { revision, count } = kinds[0] ?? { revision: 0, count: 0 };
  const { rows } = await sql<{ id: string; labels: Record<string, string>; state: string | null }>`
    select id, labels, state from inventory_targets where kind = ${kind.name}
      and from_revision <= ${revision} and (to_revision is null or to_revision > ${revision}) order by id`.execute(
    store.db,
  );
  const { rows: totals } = await sql<{ dimension: string; value: string; count: number; in_service: number }>`
    select dimension, value, count, in_service from inventory_totals where kind = ${kind.name}`.execute(
    store.db,
  );
  const kept = Object.fromEntries(
    totals.map(one => [`${one.dimension}=${one.value}`, [one.count, one.in_service] as const]),
  );
  const counted = countAll(kind, rows);
  if (rows.length !== count) throw new Error(`${rows.length} rows are in force, and ${count} are counted`);
  if (JSON.stringify(sorted(kept)) !== JSON.stringify(sorted(counted)))
    throw new Error(`the totals are not those of the rows: ${JSON.stringify({ kept, counted })}`);
  return { revision, rows, totals: kept };
}

const sorted = (record: object): object =>
  Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));

function countAll(
  kind: Kind,
  rows: readonly { readonly labels: Readonly<Record<string, string>>; readonly state: string | null }[],
): Record<string, readonly [number, number]> {
  const counts: Record<string, [number, number]> = {};
  for (const { labels, state } of rows) {
    for (const dimension of kind.dimensions) {
      const entry = (counts[`${dimension}=${labels[dimension]}`] ??= [0, 0]);
      entry[0] += 1;
      if (state !== null && kind.state?.inService.includes(state) === true) entry[1] += 1;
    }
  }
  return counts;
}

/** Rows that the revision in force cannot see, and leases: what neither a refused load may leave, nor a tidied one. */
export async function leftovers(store: Store, { name }: Kind = host): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    with r as (select coalesce(max(revision), 0) as r from inventory_kinds where kind = ${name})
    select (select count(*) from inventory_targets, r where kind = ${name} and (from_revision > r or to_revision is not null))
      + (select count(*) from inventory_total_versions, r where kind = ${name} and (from_revision > r or to_revision is not null))
      + (select count(*) from inventory_patches, r where kind = ${name} and revision > r)
      + (select count(*) from inventory_loads where kind = ${name}) as n`.execute(store.db);
  return rows[0]?.n ?? 0;
}
