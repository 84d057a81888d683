import { sql, type Transaction } from 'kysely';

import type { Database } from '../db/database.ts';
import type { Draft } from './draft.ts';
import { operationNames, operationRow, operationTypes, operationUpdates } from './operation-row.ts';

/** Rows travel as one JSON parameter each: PostgreSQL arrays are dear to write in node. */
const json = (rows: readonly unknown[]) => sql`${JSON.stringify(rows)}::jsonb`;

/** Writes a batch inside the transaction that holds the head's lock. Holds are given back before new ones are taken. */
export async function writeDraft(tx: Transaction<Database>, draft: Draft): Promise<void> {
  if (draft.settledHolds.size > 0) await settleHolds(tx, draft);
  if (draft.decisions.length > 0 || draft.entries.length > 0) await writeRecords(tx, draft);
  if (draft.operations.size > 0) await writeOperations(tx, draft);
  if (draft.movesHead()) await moveHead(tx, draft);
}

/** A hold given back may come to count after all: `delivered` wins over a refusal that was reported first. */
async function settleHolds(tx: Transaction<Database>, draft: Draft): Promise<void> {
  const settled = [...draft.settledHolds].map(([request_id, phase]) => ({ request_id, phase }));
  await sql`
    update holds h set phase = s.phase, version = ${draft.version}
    from jsonb_to_recordset(${json(settled)}) as s(request_id uuid, phase text)
    where h.request_id = s.request_id and h.phase <> s.phase`.execute(tx);
}

async function writeRecords(tx: Transaction<Database>, draft: Draft): Promise<void> {
  const sets = [...draft.targetSets.values()];
  await sql`
    with chained as (
      insert into entries (seq, at, type, body, prev, hash)
      select seq, at, type, body::json, prev, hash
      from jsonb_to_recordset(${json(draft.entries)}) as e(seq bigint, at timestamptz, type text, body text, prev text, hash text)
    ), sets as (
      insert into target_sets (kind, digest, ids, target_count)
      select kind, digest, array(select jsonb_array_elements_text(ids)), jsonb_array_length(ids)
      from jsonb_to_recordset(${json(sets)}) as s(kind text, digest text, ids jsonb)
      on conflict (kind, digest) do nothing
    ), asked as (
      insert into asks (version, at, action, principal, refused_by, count)
      select ${draft.version}, ${draft.at}, action, principal, array(select jsonb_array_elements_text(refused_by)), count
      from jsonb_to_recordset(${json(draft.asks().map(a => ({ ...a, refused_by: a.refusedBy })))}) as a(action text, principal text, refused_by jsonb, count bigint)
    ), spent as (
      insert into spends (version, at, kind, action, principal, dimension, value, count)
      select ${draft.version}, ${draft.at}, kind, action, principal, dimension, value, count
      from jsonb_to_recordset(${json(draft.spends())}) as s(kind text, action text, principal text, dimension text, value text, count bigint)
    )
    insert into decisions (id, mode, seq, decided_at, principal, action, kind, decision, status, rules, idempotency_key,
      holds_key, body_digest, targets_digest, target_count, document)
    select id, mode, seq, decided_at, principal, action, kind, decision, status, array(select jsonb_array_elements_text(rules)),
      idempotency_key, holds_key, body_digest, targets_digest, target_count, document::json
    from jsonb_to_recordset(${json(draft.decisions)}) as d(id uuid, mode text, seq bigint, decided_at timestamptz, principal text,
      action text, kind text, decision text, status integer, rules jsonb, idempotency_key text, holds_key boolean,
      body_digest text, targets_digest text, target_count integer, document text)`.execute(tx);
}

async function writeOperations(tx: Transaction<Database>, draft: Draft): Promise<void> {
  const rows = [...draft.operations.values()].map(operation => operationRow(operation, draft.version));
  const { numAffectedRows } = await sql`
    insert into operations (${operationNames})
    select ${operationNames} from jsonb_to_recordset(${json(rows)}) as o(${operationTypes})
    on conflict (id) do update set ${operationUpdates} where operations.version < excluded.version`.execute(
    tx,
  );
  if (numAffectedRows !== BigInt(rows.length))
    throw new Error('an operation in the table is later than the book');
  if (draft.holds.length === 0) return;
  await sql`
    insert into holds (kind, target_id, request_id, action, irreversible, labels_digest, state, phase, version)
    select kind, target_id, request_id, action, irreversible, labels_digest, state, 'operating', ${draft.version}
    from jsonb_to_recordset(${json(draft.holds)}) as h(kind text, target_id text, request_id uuid, action text,
      irreversible boolean, labels_digest text, state text)`.execute(tx);
}

/** Fenced by what the batch was computed from: under the lock it cannot have moved, and if it has, nothing is written. */
async function moveHead(tx: Transaction<Database>, draft: Draft): Promise<void> {
  const { numAffectedRows } = await sql`
    update head set version = ${draft.version}, seq = ${draft.seq}, hash = ${draft.hash}, at = ${draft.at}
    where version = ${draft.version - 1}`.execute(tx);
  if (numAffectedRows !== 1n) throw new Error('the head moved under its lock');
}
