import { crashPoint } from '#crash-point';
import { sql, type Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import { UNKNOWN_DIGEST } from '../kit/digest.ts';
import type { Draft } from './draft.ts';
import { operationNames, operationRow, operationTypes, operationUpdates } from './operation-row.ts';

type Part = ReturnType<typeof sql>;

/** Rows travel as one JSON parameter each: PostgreSQL arrays are dear to write in node. */
const json = (rows: readonly unknown[]): Part => sql`${JSON.stringify(rows)}::jsonb`;

/**
 * Writes a batch: one statement, so all of it or nothing. It begins with a compare-and-set on the head: every other part draws
 * its rows through `fence`, which is empty where the head is not the one that the batch was computed from.
 * @returns false, and nothing is written, if another gate has moved the head
 */
export async function writeDraft(db: Kysely<Database>, draft: Draft): Promise<boolean> {
  crashPoint('turn.decided');
  const parts = [
    fence(draft),
    ...(draft.settledHolds.size > 0 ? [settleHolds(draft)] : []),
    ...(draft.entries.length > 0 ? [writeEntries(draft)] : []),
    ...(draft.targetSets.size > 0 ? [writeTargetSets(draft)] : []),
    ...(draft.asks().length > 0 ? [writeAsks(draft)] : []),
    ...(draft.spends().length > 0 ? [writeSpends(draft)] : []),
    ...(draft.decisions.length > 0 ? [writeDecisions(draft)] : []),
    ...(draft.operations.size > 0 ? [writeOperations(draft)] : []),
    ...(draft.holds.length > 0 ? [writeHolds(draft)] : []),
    ...(draft.evidence.length > 0 ? [writeEvidence(draft)] : []),
  ];
  const { rows } = await sql<{ moved: number }>`
    with ${sql.join(parts)} select count(*)::int as moved ${operationsAreWhole(draft)} from fence`.execute(
    db,
  );
  return rows[0]?.moved === 1;
}

/** Compared by hash and not by number only: two histories may have the same length. A batch without entries moves nothing, and waits for nobody. */
function fence(draft: Draft): Part {
  const { before } = draft;
  const isSame = sql`version = ${before.version}::bigint and hash = ${before.hash}`;
  return draft.movesHead()
    ? sql`fence as materialized (update head set version = ${draft.version}::bigint, seq = ${draft.seq}::bigint,
        hash = ${draft.hash}, at = ${draft.at}::timestamptz where ${isSame} returning 1)`
    : sql`fence as materialized (select 1 from head where ${isSame})`;
}

/**
 * A hold given back may come to count after all: `delivered` wins over a refusal that was reported first. Loads did not care for it meanwhile: if the
 * kind was declared anew, the labels at the decision have other digests now, and nobody knows which.
 */
function settleHolds(draft: Draft): Part {
  const settled = [...draft.settledHolds].map(([request_id, phase]) => ({ request_id, phase }));
  const kept = (
    column: string,
    anew: Part,
  ) => sql`${sql.ref(column)} = case when h.phase = 'closed' and h.irreversible then
      case when ${declaredAnew} then ${anew} else ${sql.ref(`h.${column}`)} end else ${sql.ref(`h.${column}`)} end`;
  const reopened = draft.rereadBook
    ? sql`, ${kept('labels_digest', sql`${UNKNOWN_DIGEST}::text`)}, ${kept('state', sql`null`)}, ${kept('said_by', sql`null`)}`
    : sql``;
  return sql`settled as (
    update holds h set phase = s.phase, version = ${draft.version}::bigint ${reopened}
    from fence, jsonb_to_recordset(${json(settled)}) as s(request_id uuid, phase text)
    where h.request_id = s.request_id and h.phase <> s.phase returning 1)`;
}

/** Whether the inventory that a hold's operation was decided by was loaded under another declaration of the kind than that in force. */
const declaredAnew = sql`
  (select k.definition from inventory_kinds k where k.kind = h.kind) is distinct from (
    select e.body ->> 'definition' from operations o
    join inventory_revisions r on r.kind = o.kind and r.revision = o.inventory_revision
    join entries e on e.seq = r.seq where o.id = h.request_id)`;

const writeEntries = (draft: Draft): Part => sql`chained as (
  insert into entries (seq, at, type, body, prev, hash)
  select seq, at, type, body::json, prev, hash
  from fence, jsonb_to_recordset(${json(draft.entries)}) as e(seq bigint, at timestamptz, type text, body text, prev text, hash text))`;

const writeTargetSets = (draft: Draft): Part => sql`sets as (
  insert into target_sets (kind, digest, ids, target_count)
  select kind, digest, array(select jsonb_array_elements_text(ids)), jsonb_array_length(ids)
  from fence, jsonb_to_recordset(${json([...draft.targetSets.values()])}) as s(kind text, digest text, ids jsonb)
  on conflict (kind, digest) do nothing)`;

function writeAsks(draft: Draft): Part {
  const rows = draft.asks().map(({ refusedBy, ...ask }) => ({ ...ask, refused_by: refusedBy }));
  return sql`asked as (
    insert into asks (version, at, action, principal, refused_by, count)
    select ${draft.version}::bigint, ${draft.at}::timestamptz, action, principal, array(select jsonb_array_elements_text(refused_by)), count
    from fence, jsonb_to_recordset(${json(rows)}) as a(action text, principal text, refused_by jsonb, count bigint))`;
}

/** Kinds without weights, which are most, write no column of them. */
function writeSpends(draft: Draft): Part {
  const rows = draft.spends();
  const isWeighed = rows.some(({ weights }) => Boolean(weights));
  const names = sql.raw(
    `version, at, kind, action, principal, dimension, value, count${isWeighed ? ', weights' : ''}`,
  );
  return sql`spent as (
    insert into spends (${names})
    select ${names} from fence, (select ${draft.version}::bigint as version, ${draft.at}::timestamptz as at) as batch,
      jsonb_to_recordset(${json(rows)}) as s(kind text, action text, principal text, dimension text, value text, count bigint${isWeighed ? sql`, weights jsonb` : sql``}))`;
}

/** A document travels as it is: `json` keeps the text of its parts, and as a string in a string it would be escaped here and unescaped there. */
function decisionRows(draft: Draft): Part {
  const rows = draft.decisions.map(({ document, ...row }) => {
    const text = JSON.stringify(row);
    return `${text.slice(0, -1)},"document":${document}}`;
  });
  return sql`${`[${rows.join(',')}]`}::json`;
}

const writeDecisions = (draft: Draft): Part => sql`decided as (
  insert into decisions (id, mode, seq, decided_at, principal, action, kind, decision, status, rules, idempotency_key,
    holds_key, body_digest, targets_digest, target_count, document)
  select id, mode, seq, decided_at, principal, action, kind, decision, status, array(select jsonb_array_elements_text(rules)),
    idempotency_key, holds_key, body_digest, targets_digest, target_count, document
  from fence, json_to_recordset(${decisionRows(draft)}) as d(id uuid, mode text, seq bigint, decided_at timestamptz, principal text,
    action text, kind text, decision text, status integer, rules jsonb, idempotency_key text, holds_key boolean,
    body_digest text, targets_digest text, target_count integer, document json))`;

function writeOperations(draft: Draft): Part {
  const rows = [...draft.operations.values()].map(operation => operationRow(operation, draft.version));
  return sql`operated as (
    insert into operations (${operationNames})
    select ${operationNames} from fence, jsonb_to_recordset(${json(rows)}) as o(${operationTypes})
    on conflict (id) do update set ${operationUpdates} where operations.version < excluded.version returning 1)`;
}

/** New holds are taken when old ones have been given back: the unique index looks at each row as it comes. */
const writeHolds = (draft: Draft): Part => {
  // What was decided and ended in one batch is written as it ended: the update beside this does not see these rows.
  const rows = draft.holds.map(hold => ({
    ...hold,
    phase: draft.settledHolds.get(hold.request_id) ?? 'operating',
  }));
  return sql`held as (
  insert into holds (kind, target_id, request_id, action, irreversible, labels_digest, state, artifact, said_by, phase, version)
  select kind, target_id, request_id, action, irreversible, labels_digest, state, artifact, said_by, phase, ${draft.version}::bigint
  from fence, ${draft.settledHolds.size > 0 ? sql`(select count(*) from settled) as first,` : sql``}
    jsonb_to_recordset(${json(rows)}) as h(kind text, target_id text, request_id uuid, action text,
      irreversible boolean, labels_digest text, state text, artifact text, said_by jsonb, phase text))`;
};

const writeEvidence = (draft: Draft): Part => sql`said as (
  insert into evidence (seq, at, principal, artifact, name, status, dimension, value)
  select seq, ${draft.at}::timestamptz, principal, artifact, name, status, dimension, value
  from fence, jsonb_to_recordset(${json(draft.evidence)}) as e(seq bigint, principal text, artifact text, name text, status text,
    dimension text, value text))`;

/** Behind the fence no row can be later than the book. If one were, the division by zero undoes the statement. */
const operationsAreWhole = (draft: Draft): Part =>
  draft.operations.size === 0
    ? sql``
    : sql`, 1 / (case when count(*) = 0 or (select count(*) from operated) = ${draft.operations.size}::bigint then 1 else 0 end) as whole`;
