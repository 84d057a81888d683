import { sql, type AliasedSelectQueryBuilder, type Kysely, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';
import { fromDatabase } from '../db/from-database.ts';
import { lanesOf, READ_PATIENCE_MS, type Store } from '../db/store.ts';
import { Lane } from '../kit/lane.ts';
import { letOthersGo } from '../kit/let-others-go.ts';
import type { Json } from '../kit/strict-json.ts';
import type { DecisionDocument, OutcomeView } from '../ledger/decision.ts';
import { isTriedAgain, type Phase } from '../ledger/operation.ts';
import { isRule } from '../ledger/operation-row.ts';
import type { Search } from './search.ts';
import type { Sight } from './sight.ts';
import type { EvidenceView } from '../evidence/evidence.ts';
import type { EvidenceSearch, Page, PageRequest, RequestView, TrailEntry } from './views.ts';

/** The recorded decisions, their target sets, and the chain, as they are read back. Nothing here writes. */
export function createReads({ db, embedded }: Pick<Store, 'db' | 'embedded'>) {
  const lane = (): (<T>(read: () => Promise<T>) => Promise<T>) => {
    const reading = new Lane(lanesOf({ embedded }), READ_PATIENCE_MS);
    return async read =>
      await fromDatabase(
        async () =>
          await reading.run(async () => {
            const found = await read();
            await letOthersGo();
            return found;
          }),
      );
  };
  const pages = lane();
  // What is of one decision waits behind no export.
  const ofOne = lane();
  return {
    /** Newest first; `next` is the position of the last one. */
    search: async (search: Search, sight: Sight, page: PageRequest): Promise<Page<RequestView>> =>
      await pages(async () => {
        const query = filtered(visible(requests(db), sight), search);
        if (!embedded) return await searchPage(db, before(query, page.from), page);
        const positions = await findInSteps(db, query, page);
        const inPage = positions.slice(0, page.limit);
        if (inPage.length === 0) return { items: [] };
        // By its filters once more: since it was found, its outcome may have come. Then the page is shorter, and not the last one for it.
        const found = await searchPage(db, query.where('d.position', 'in', inPage), page);
        const next = found.next ?? (positions.length > page.limit ? inPage.at(-1) : undefined);
        return { items: found.items, ...(next !== undefined && { next }) };
      }),

    one: async (id: string, sight: Sight): Promise<RequestView | undefined> =>
      await ofOne(async () => {
        const row = await visible(requests(db), sight).where('d.id', '=', id).executeTakeFirst();
        return row === undefined ? undefined : requestView(row);
      }),

    targets: async (
      id: string,
      sight: Sight,
      page: PageRequest,
    ): Promise<Page<string> | 'unresolved' | undefined> =>
      await ofOne(async () => {
        // Not its document, which may be of megabytes: this is asked for each page.
        const row = await visible(requests(db), sight)
          .clearSelect()
          .select(['d.kind', 'd.targets_digest'])
          .where('d.id', '=', id)
          .executeTakeFirst();
        if (row === undefined) return undefined;
        if (row.kind === null || row.targets_digest === null) return 'unresolved';
        return await targetsPage(db, { kind: row.kind, digest: row.targets_digest }, page);
      }),

    evidence: async (search: EvidenceSearch, page: PageRequest): Promise<Page<EvidenceView>> =>
      await pages(async () => await evidencePage(db, search, page)),

    trail: async (page: PageRequest): Promise<Page<TrailEntry>> =>
      await pages(async () => await trailPage(db, page)),
  };
}

async function searchPage(
  db: Kysely<Database>,
  query: Requests,
  { limit }: PageRequest,
): Promise<Page<RequestView>> {
  const asked = query
    .orderBy('d.position', 'desc')
    .limit(limit + 1)
    .as('asked');
  const bytes = sql`octet_length(document::text)`;
  return pageOf(
    await upToBytes(db, asked, bytes, sql`position desc`),
    limit,
    requestView,
    row => row.position,
  );
}

const before = (query: Requests, position: number | undefined): Requests =>
  position === undefined ? query : query.where('d.position', '<', position);

/** So many decisions one statement looks through at most, on the embedded store: a part of a tenth of a second. */
const STEP = 5_000;

/**
 * Where a page of what is searched for stands, one more than asked for. The embedded store works in this process, and ends no statement early: one that
 * looks through all that was ever asked holds up the gate, and a stop, for as long as that takes. Between two steps others have their turn.
 */
async function findInSteps(
  db: Kysely<Database>,
  query: Requests,
  { limit, from = Infinity }: PageRequest,
): Promise<readonly number[]> {
  const newest = await db
    .selectFrom('decisions')
    .select('position')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  const found: number[] = [];
  for (let end = Math.min(from, (newest?.position ?? 0) + 1); end > 0 && found.length <= limit; end -= STEP) {
    const step = await before(query, end)
      .clearSelect()
      .select('d.position')
      .where('d.position', '>=', end - STEP)
      .orderBy('d.position', 'desc')
      .limit(limit + 1 - found.length)
      .execute();
    found.push(...step.map(({ position }) => position));
    await letOthersGo();
  }
  return found;
}

/** Newest first; `next` is the number of the last entry. */
async function evidencePage(
  db: Kysely<Database>,
  { artifact, by }: EvidenceSearch,
  { limit, from }: PageRequest,
): Promise<Page<EvidenceView>> {
  const rows = await db
    .selectFrom('evidence as e')
    .select(['e.seq', 'e.at', 'e.principal', 'e.artifact', 'e.name', 'e.status', 'e.dimension', 'e.value'])
    .where(where =>
      where.and([
        ...(artifact === undefined ? [] : [where('e.artifact', '=', artifact)]),
        ...(by === undefined ? [] : [where('e.principal', '=', by)]),
        ...(from === undefined ? [] : [where('e.seq', '<', from)]),
      ]),
    )
    .orderBy('e.seq', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf({ rows, found: rows.length }, limit, evidenceView, row => row.seq);
}

/** In the order of the chain; `next` is the number of the last entry. */
async function trailPage(db: Kysely<Database>, { limit, from = 0 }: PageRequest): Promise<Page<TrailEntry>> {
  const asked = db
    .selectFrom('entries as e')
    .leftJoin('decisions as d', 'd.seq', 'e.seq')
    .select(['e.seq', 'e.at', 'e.type', 'e.body', 'e.prev', 'e.hash', 'd.document'])
    .where('e.seq', '>', from)
    .orderBy('e.seq')
    .limit(limit + 1)
    .as('asked');
  const bytes = sql`coalesce(octet_length(body::text), 0) + coalesce(octet_length(document::text), 0)`;
  return pageOf(await upToBytes(db, asked, bytes, sql`seq`), limit, trailEntry, row => row.seq);
}

/** So much is in a page: a decision may hold all that a request has brought, and hundreds of them are more than one answer, and one process, can hold. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** The first of the rows that were asked for, up to that size, and at least one, however large; and how many were found. */
async function upToBytes<Row>(
  db: Kysely<Database>,
  asked: AliasedSelectQueryBuilder<Row, 'asked'>,
  bytes: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
) {
  const sized = db
    .selectFrom(asked)
    .selectAll()
    .select(
      sql<number>`sum(${bytes}) over (order by ${order} rows between unbounded preceding and 1 preceding)`.as(
        'bytes_before',
      ),
    )
    .select(sql<number>`count(*) over ()`.as('found'))
    .as('sized');
  const rows = await db
    .selectFrom(sized)
    .selectAll()
    .where(sql<boolean>`coalesce(bytes_before, 0) < ${MAX_PAGE_BYTES}::bigint`)
    .orderBy(order)
    .execute();
  return { rows, found: rows.at(-1)?.found ?? 0 };
}

const requests = (db: Kysely<Database>) =>
  db
    .selectFrom('decisions as d')
    .leftJoin('operations as o', 'o.id', 'd.id')
    .select(['d.document', 'd.status', 'd.position', 'd.kind', 'd.targets_digest'])
    .select([
      'o.outcome',
      'o.phase',
      'o.http_status',
      'o.rule',
      'o.detail',
      'o.attempts',
      'o.settled_at',
      'o.settled_by',
    ]);

type Requests = ReturnType<typeof requests>;

/** Only what the reader may see: in the statement itself, so that neither a count nor a cursor tells of the rest. */
function visible(query: Requests, sight: Sight): Requests {
  if (sight.all) return query;
  const { own, settles } = sight;
  return query.where(where =>
    where.or([
      ...(own === undefined ? [] : [where('d.principal', '=', own)]),
      ...(settles ? [where.and([where('d.mode', '=', 'request'), where('d.decision', '=', 'allowed')])] : []),
      // No share at all sees nothing: an empty `or` is true to some.
      where.lit(false),
    ]),
  );
}

/** Every filter that is there must hold. */
function filtered(query: Requests, search: Search): Requests {
  const { mode, decision, outcome, action, principal, idempotencyKey, rule, target, sinceMs, untilMs } =
    search;
  return query.where(where =>
    where.and([
      where('d.mode', '=', mode),
      ...(decision === undefined ? [] : [where('d.decision', '=', decision)]),
      ...(outcome === undefined ? [] : [where('o.outcome', '=', outcome)]),
      ...(action === undefined ? [] : [where('d.action', '=', action)]),
      ...(principal === undefined ? [] : [where('d.principal', '=', principal)]),
      ...(idempotencyKey === undefined ? [] : [where('d.idempotency_key', '=', idempotencyKey)]),
      ...(sinceMs === undefined ? [] : [sql<boolean>`d.decided_at >= ${new Date(sinceMs)}`]),
      ...(untilMs === undefined ? [] : [sql<boolean>`d.decided_at < ${new Date(untilMs)}`]),
      ...(rule === undefined
        ? []
        : [where.or([sql<boolean>`d.rules @> array[${rule}]::text[]`, where('o.rule', '=', rule)])]),
      // First the sets that hold the target, by their index, then the decisions on them.
      ...(target === undefined
        ? []
        : [
            sql<boolean>`(d.kind, d.targets_digest) in (
              select s.kind, s.digest from target_sets s where s.ids @> array[${target}]::text[])`,
          ]),
    ]),
  );
}

interface RequestRow {
  readonly document: unknown;
  readonly status: number;
  readonly outcome: OutcomeView['status'] | null;
  readonly phase: Phase | null;
  readonly http_status: number | null;
  readonly rule: string | null;
  readonly detail: string | null;
  readonly attempts: number | null;
  readonly settled_at: number | null;
  readonly settled_by: string | null;
}

function requestView(row: RequestRow): RequestView {
  const outcome = outcomeView(row);
  return { ...documentOf(row.document), status: row.status, ...(outcome !== undefined && { outcome }) };
}

function outcomeView(row: RequestRow): OutcomeView | undefined {
  const { outcome, phase } = row;
  if (outcome === null || phase === null) return undefined;
  return {
    status: outcome,
    ...(row.http_status !== null && { http_status: row.http_status }),
    ...(row.rule !== null && isRule(row.rule) && { rule: row.rule }),
    ...(row.detail !== null && { detail: row.detail }),
    ...(row.attempts !== null && { attempts: row.attempts }),
    ...(isTriedAgain({ outcome, phase }) && { tries_again: true }),
    ...(row.settled_at !== null && { settled_at: new Date(row.settled_at).toISOString() }),
    ...(row.settled_by !== null && { by: row.settled_by }),
  };
}

/** The column is append-only, and the ledger alone writes it, as this very type. */
const documentOf = (column: unknown): DecisionDocument => column as DecisionDocument;

/** Of an array in PostgreSQL. */
const LAST_INDEX = 2 ** 31 - 1;

async function targetsPage(
  db: Kysely<Database>,
  set: { readonly kind: string; readonly digest: string },
  { limit, from = 0 }: PageRequest,
): Promise<Page<string>> {
  if (from + limit > LAST_INDEX) return { items: [] };
  const row = await db
    .selectFrom('target_sets')
    .select('target_count')
    // Cut in the database: a set can have 200,000 ids.
    .select(sql<string[]>`array_to_json(ids[${from + 1}::int : ${from + limit}::int])`.as('ids'))
    .where('kind', '=', set.kind)
    .where('digest', '=', set.digest)
    .where('target_count', '>', from)
    .executeTakeFirst();
  if (row === undefined) return { items: [] };
  return { items: row.ids, ...(from + limit < row.target_count && { next: from + limit }) };
}

interface EntryRow extends Pick<TrailEntry, 'seq' | 'type' | 'prev' | 'hash'> {
  readonly at: number;
  readonly body: unknown;
  readonly document: unknown;
}

function trailEntry({ seq, at, type, body, prev, hash, document }: EntryRow): TrailEntry {
  const text = type === 'decision' ? document : body;
  // Both columns are of the type json.
  return { seq, at: new Date(at).toISOString(), type, body: text as Json, prev, hash };
}

function evidenceView({
  at,
  principal,
  dimension,
  value,
  ...row
}: Pick<EvidenceView, 'seq' | 'artifact' | 'name' | 'status'> & {
  readonly at: number;
  readonly principal: string;
  readonly dimension: string;
  readonly value: string;
}): EvidenceView {
  const of = dimension === '' ? {} : { dimension, value };
  return { ...row, ...of, by: principal, at: new Date(at).toISOString() };
}

/** One row more than asked for was looked for: it only says that there is more, as do those that were found and were too much for one page. */
function pageOf<Row, Item>(
  { rows, found }: { readonly rows: readonly Row[]; readonly found: number },
  limit: number,
  item: (row: Row) => Item,
  position: (row: Row) => number,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const items = shown.map(row => item(row));
  return found > shown.length && last !== undefined ? { items, next: position(last) } : { items };
}
