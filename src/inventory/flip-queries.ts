import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';
import { timestamp } from '../db/values.ts';
import { visibleIn } from '../db/visible-in.ts';
import { UNKNOWN_DIGEST } from '../kit/digest.ts';
import { DECLARED_ANEW, type Weights } from './describe-kind.ts';
import type { LoadMethod } from './load-query.ts';

type Db = Kysely<Database>;

/** A revision that comes into force. */
export interface NextRevision {
  readonly kind: string;
  readonly revision: number;
  readonly method: LoadMethod;
  readonly asOfMs: number;
  readonly loadedMs: number;
  /** Of a load of one of several sources: which, and when it was read if it was read whole. */
  readonly source?: {
    readonly name: string;
    readonly asOfMs?: number;
    /** Whether it says how a target stands: it owns the state, or there is none. */
    readonly tellsState: boolean;
  };
  readonly count: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly relabelled: number;
  readonly forcedShrink: boolean;
  readonly forcedChange: boolean;
  readonly definition: string;
  /** What all its targets weigh; null on a kind without weights. */
  readonly weights: Weights | null;
  readonly seq: number;
  readonly version: number;
}

/** Puts a revision into force. False if the one before it is not in force any more: then nothing was written. */
export async function advanceRevision(tx: Db, next: NextRevision): Promise<boolean> {
  const { rows } = await sql`
    insert into inventory_kinds as k (kind, revision, count, as_of, loaded_at, definition, weights, version)
    select ${next.kind}::text, ${next.revision}::bigint, ${next.count}::bigint, ${timestamp(next.asOfMs)}, ${timestamp(next.loadedMs)},
      ${next.definition}::text, ${next.weights && JSON.stringify(next.weights)}::jsonb, ${next.version}::bigint
    where ${next.revision} = 1 or exists (select from inventory_kinds where kind = ${next.kind})
    on conflict (kind) do update set revision = excluded.revision, count = excluded.count, as_of = excluded.as_of,
      loaded_at = excluded.loaded_at, definition = excluded.definition, weights = excluded.weights, version = excluded.version
    where k.revision = excluded.revision - 1
    returning k.kind`.execute(tx);
  if (rows.length === 0) return false;
  if (next.source?.asOfMs !== undefined) await dateSource(tx, next, next.source.name, next.source.asOfMs);
  await sql`
    insert into inventory_revisions (kind, revision, method, as_of, loaded_at, count, added, removed, changed, relabelled,
      forced_shrink, forced_change, seq)
    values (${next.kind}, ${next.revision}, ${next.method}, ${timestamp(next.asOfMs)}, ${timestamp(next.loadedMs)}, ${next.count},
      ${next.added}, ${next.removed}, ${next.changed}, ${next.relabelled}, ${next.forcedShrink}, ${next.forcedChange},
      ${next.seq})`.execute(tx);
  return true;
}

async function dateSource(tx: Db, next: NextRevision, source: string, asOfMs: number): Promise<void> {
  await sql`
    insert into inventory_sources (kind, source, as_of, definition)
    values (${next.kind}, ${source}, ${timestamp(asOfMs)}, ${next.definition})
    on conflict (kind, source) do update set as_of = excluded.as_of, definition = excluded.definition`.execute(
    tx,
  );
}

/** The earliest time that an operator accepted after an entry of the chain, Unix milliseconds: what is older than that accept counts as made then, if it is later. */
export async function readAcceptedSince(db: Db, seq: number): Promise<number | undefined> {
  const { rows } = await sql<{ accepted: number | null }>`
    select min((body ->> 'accepted_ms')::float8) as accepted from entries where type = 'clock' and seq > ${seq}`.execute(
    db,
  );
  return rows[0]?.accepted ?? undefined;
}

/** Dates what a PATCH in flight had remembered of itself: a time was accepted since, and its arrival counts as made then. */
export async function datePatches(tx: Db, next: NextRevision, atMs: number): Promise<void> {
  await sql`
    update inventory_patches set at = ${timestamp(atMs)}
    where kind = ${next.kind} and revision = ${next.revision} and at > ${timestamp(atMs)}`.execute(tx);
}

/**
 * A kind that is declared anew: each of its sources must be loaded again, also where it is declared as before some time later. What was
 * brought meanwhile was brought under other words.
 */
export async function askSourcesAnew(tx: Db, next: NextRevision): Promise<void> {
  await sql`
    update inventory_sources set definition = ${DECLARED_ANEW}
    where kind = ${next.kind} and source is distinct from ${next.source?.name ?? null}::text`.execute(tx);
}

/** Whether a row is still what is held: of several sources, each by what it says itself, and one that says nothing now by nothing. */
const asHeld = (row: string): RawBuilder<unknown> => sql`
  case when h.said_by is null
    then ${sql.ref(`${row}.labels_digest`)} = h.labels_digest and ${sql.ref(`${row}.state`)} is not distinct from h.state
    else not exists (select from jsonb_each_text(h.said_by) as said(source, digest)
      where ${sql.ref(`${row}.said_by`)} ->> said.source <> said.digest) end`;

/**
 * A kind that is declared anew has other digests for the same labels. What an irreversible action holds follows them, so that no target
 * counts as shown with other labels only because the words for them changed.
 * @param showing of several sources, those whose lines show what was done
 */
export async function rebaseHolds(tx: Db, next: NextRevision, showing: readonly string[]): Promise<void> {
  const saidBy = sql`
    case when now.said_by is not null then coalesce((select jsonb_object_agg(said.source, said.digest)
      from jsonb_each_text(now.said_by) as said(source, digest)
      where said.source in (select json_array_elements_text(${JSON.stringify(showing)}::json))), '{}') end`;
  await sql`
    update holds h set labels_digest = now.labels_digest, state = now.state, said_by = ${saidBy}, version = ${next.version}
    from inventory_targets was, inventory_targets now
    where h.kind = ${next.kind} and h.irreversible and h.phase <> 'closed'
      and was.kind = h.kind and was.id = h.target_id and ${visibleIn('was', next.revision - 1)} and ${asHeld('was')}
      and now.kind = h.kind and now.id = h.target_id and ${visibleIn('now', next.revision)}
      and (now.labels_digest, now.state, ${saidBy}) is distinct from (h.labels_digest, h.state, h.said_by)`.execute(
    tx,
  );
}

/**
 * After `rebaseHolds`: of what was not as held then, nobody knows what the labels at the decision would be in the words of now.
 * @param changed only where this very load changes the target, or adds it: elsewhere it is other than held, and so shown
 */
export async function forgetHolds(tx: Db, next: NextRevision, changed: boolean): Promise<void> {
  const now = sql`now.kind = h.kind and now.id = h.target_id and ${visibleIn('now', next.revision)}`;
  await sql`
    update holds h set labels_digest = ${UNKNOWN_DIGEST}, state = null, said_by = null, version = ${next.version}
    where h.kind = ${next.kind} and h.irreversible and h.phase <> 'closed' and (h.labels_digest <> ${UNKNOWN_DIGEST} or h.said_by is not null)
      and not exists (select from inventory_targets now where ${now} and ${asHeld('now')})
      and (not ${sql.lit(changed)} or not exists (select from inventory_targets was, inventory_targets now
        where was.kind = h.kind and was.id = h.target_id and ${visibleIn('was', next.revision - 1)} and ${now}
          and was.labels = now.labels))`.execute(tx);
}

/** What is held with labels that nobody knows is compared from now on with those of the first load that could have shown it. */
export async function learnHolds(tx: Db, next: NextRevision, shownMs: number): Promise<void> {
  await sql`
    update holds h set labels_digest = t.labels_digest, state = t.state, version = ${next.version}
    from operations o, inventory_targets t
    where h.kind = ${next.kind} and h.phase = 'done' and h.irreversible and h.labels_digest = ${UNKNOWN_DIGEST}
      and o.id = h.request_id and o.settled_at < ${timestamp(shownMs)} and ${isNamed(next, undefined)}
      and t.kind = h.kind and t.id = h.target_id and ${visibleIn('t', next.revision)}`.execute(tx);
}

/**
 * One of several sources that names a target for the first time shows nothing of it: nobody knows what it would have said before. Nor does its first load
 * after the kind was declared anew, as above.
 */
export async function followSource(
  tx: Db,
  next: NextRevision,
  source: string,
  isFirst: boolean,
): Promise<void> {
  const name = sql`${source}::text`;
  await sql`
    update holds h set said_by = coalesce(h.said_by, '{}') || jsonb_build_object(${name}, now.said_by -> ${name}), version = ${next.version}
    from inventory_targets was, inventory_targets now
    where h.kind = ${next.kind} and h.irreversible and h.phase <> 'closed'
      and was.kind = h.kind and was.id = h.target_id and ${visibleIn('was', next.revision - 1)}
      and now.kind = h.kind and now.id = h.target_id and ${visibleIn('now', next.revision)}
      and now.said_by ->> ${name} is distinct from h.said_by ->> ${name} and now.said_by ->> ${name} is not null
      and (h.said_by ->> ${name} is null
        or ${isFirst} and coalesce(was.said_by ->> ${name} = h.said_by ->> ${name}, true))`.execute(tx);
}

/** Targets of a kind with something done that the inventory has not shown. */
export async function readDoneTargets(tx: Db, kind: string): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct target_id as id from holds where kind = ${kind} and phase = 'done'`.execute(tx);
  return rows.map(({ id }) => id);
}

/** Whether a load speaks of what is held. */
const isNamed = (next: NextRevision, only: readonly string[] | undefined): RawBuilder<unknown> =>
  next.method === 'put'
    ? only === undefined
      ? sql`true`
      : sql`h.target_id in (select json_array_elements_text(${JSON.stringify(only)}::json) collate "C")`
    : sql`exists (select from inventory_patches p
        where p.kind = h.kind and p.id = h.target_id and p.revision = ${next.revision})`;

/**
 * Closes what the inventory shows now: outcomes settled before the load was read, of an irreversible action where the target
 * has other declared labels than at the decision, or is gone; of any other where a line of the target came. A snapshot speaks of every
 * target, by a line or by its absence; a PATCH only of those it names, and a source that does not say what exists too (`only`). Of several
 * sources each shows other labels only where they are its own, and one that does not say how a target stands shows only that it is gone.
 */
export async function closeShownHolds(
  tx: Db,
  next: NextRevision,
  shownMs: number,
  only: readonly string[] | undefined,
): Promise<void> {
  const named = isNamed(next, only);
  const isAsHeld =
    next.source === undefined
      ? sql`(t.labels_digest = h.labels_digest and t.state is not distinct from h.state or h.labels_digest = ${UNKNOWN_DIGEST})`
      : sql`coalesce(t.said_by ->> ${next.source.name}::text = h.said_by ->> ${next.source.name}::text, true)`;
  const tellsState = sql.lit(next.source?.tellsState ?? true);
  await sql`
    update holds h set phase = 'closed', version = ${next.version}
    from operations o
    where h.kind = ${next.kind} and h.phase = 'done'
      and o.id = h.request_id and o.settled_at < ${timestamp(shownMs)} and ${named}
      and (not h.irreversible and ${tellsState} or not exists (select from inventory_targets t
        where t.kind = h.kind and t.id = h.target_id and ${visibleIn('t', next.revision)}
          and (not h.irreversible or ${isAsHeld})))`.execute(tx);
}
