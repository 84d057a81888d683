import { sql } from 'kysely';

import { rules, type Rule } from '../kit/rules.ts';
import type { Operation } from './operation.ts';

/** The columns of `operations` and their types, in the table's order. Fixed at the decision: up to `labels_digest`. */
const fixed = {
  id: 'uuid',
  seq: 'bigint',
  action: 'text',
  kind: 'text',
  principal: 'text',
  target_count: 'integer',
  decided_at: 'timestamptz',
  dimension_values: 'json',
  policy_digest: 'text',
  inventory_revision: 'bigint',
  labels_digest: 'text',
  timeout_ms: 'bigint',
  valid_for_ms: 'bigint',
  idempotent: 'boolean',
  artifact: 'text',
  run: 'integer',
  run_total: 'bigint',
  plan_name: 'text',
  plan_generation: 'bigint',
  exception: 'text',
} as const;

const changing = {
  outcome: 'text',
  phase: 'text',
  was_unknown: 'boolean',
  attempts: 'integer',
  claimed_by: 'text',
  claimed_at: 'timestamptz',
  not_before: 'timestamptz',
  http_status: 'integer',
  rule: 'text',
  detail: 'text',
  settled_at: 'timestamptz',
  settled_by: 'text',
  version: 'bigint',
} as const;

type Column = keyof typeof fixed | keyof typeof changing;

const all = Object.entries({ ...fixed, ...changing });

/** For statements: the names; names with types, of a record set; and what an update takes from the row that came. */
export const operationNames = sql.raw(all.map(([name]) => name).join(', '));
export const operationTypes = sql.raw(all.map(([name, type]) => `${name} ${type}`).join(', '));
export const operationUpdates = sql.raw(
  Object.keys(changing)
    .map(name => `${name} = excluded.${name}`)
    .join(', '),
);

/** For reading `operations o`: times in Unix milliseconds, as `…_ms`. */
export const operationColumns = sql.raw(
  all
    .filter(([name]) => name !== 'version')
    .map(([name, type]) =>
      type === 'timestamptz' ? `(extract(epoch from o.${name}) * 1000)::float8 as ${name}_ms` : `o.${name}`,
    )
    .join(', '),
);

/** A row as `operationColumns` reads it. */
export interface OperationRow {
  readonly id: string;
  readonly seq: number;
  readonly action: string;
  readonly kind: string;
  readonly principal: string;
  readonly target_count: number;
  readonly decided_at_ms: number;
  readonly dimension_values: Record<string, string[]>;
  readonly policy_digest: string;
  readonly inventory_revision: number;
  readonly labels_digest: string;
  readonly timeout_ms: number;
  readonly valid_for_ms: number;
  readonly idempotent: boolean;
  readonly artifact: string | null;
  readonly run: number | null;
  readonly run_total: number | null;
  readonly plan_name: string | null;
  readonly plan_generation: number | null;
  readonly exception: string | null;
  readonly outcome: Operation['outcome'];
  readonly phase: Operation['phase'];
  readonly was_unknown: boolean;
  readonly attempts: number;
  readonly claimed_by: string | null;
  readonly claimed_at_ms: number | null;
  readonly not_before_ms: number | null;
  readonly http_status: number | null;
  readonly rule: string | null;
  readonly detail: string | null;
  readonly settled_at_ms: number | null;
  readonly settled_by: string | null;
}

/** An operation as its row says. */
export function toOperation(row: OperationRow): Operation {
  return {
    id: row.id,
    seq: row.seq,
    action: row.action,
    kind: row.kind,
    principal: row.principal,
    targetCount: row.target_count,
    decidedAtMs: row.decided_at_ms,
    dimensionValues: row.dimension_values,
    policyDigest: row.policy_digest,
    inventoryRevision: row.inventory_revision,
    labelsDigest: row.labels_digest,
    timeoutMs: row.timeout_ms,
    validForMs: row.valid_for_ms,
    idempotent: row.idempotent,
    ...(row.artifact !== null && { artifact: row.artifact }),
    ...(row.run !== null && { run: row.run }),
    ...(row.run_total !== null && { runTotal: row.run_total }),
    ...(row.plan_name !== null &&
      row.plan_generation !== null && { plan: { name: row.plan_name, generation: row.plan_generation } }),
    ...(row.exception !== null && { exception: row.exception }),
    outcome: row.outcome,
    phase: row.phase,
    wasUnknown: row.was_unknown,
    attempts: row.attempts,
    ...(row.claimed_by !== null && { claimedBy: row.claimed_by }),
    ...(row.claimed_at_ms !== null && { claimedAtMs: row.claimed_at_ms }),
    ...(row.not_before_ms !== null && { notBeforeMs: row.not_before_ms }),
    ...(row.http_status !== null && { httpStatus: row.http_status }),
    ...(row.rule !== null && isRule(row.rule) && { rule: row.rule }),
    ...(row.detail !== null && { detail: row.detail }),
    ...(row.settled_at_ms !== null && { settledAtMs: row.settled_at_ms }),
    ...(row.settled_by !== null && { settledBy: row.settled_by }),
  };
}

export const isRule = (text: string): text is Rule => Object.hasOwn(rules, text);

/** A row to write, whole. */
export function operationRow(operation: Operation, version: number): Readonly<Record<Column, unknown>> {
  return {
    id: operation.id,
    seq: operation.seq,
    action: operation.action,
    kind: operation.kind,
    principal: operation.principal,
    target_count: operation.targetCount,
    decided_at: at(operation.decidedAtMs),
    dimension_values: operation.dimensionValues,
    policy_digest: operation.policyDigest,
    inventory_revision: operation.inventoryRevision,
    labels_digest: operation.labelsDigest,
    timeout_ms: operation.timeoutMs,
    valid_for_ms: operation.validForMs,
    idempotent: operation.idempotent,
    artifact: operation.artifact ?? null,
    run: operation.run ?? null,
    run_total: operation.runTotal ?? null,
    plan_name: operation.plan?.name ?? null,
    plan_generation: operation.plan?.generation ?? null,
    exception: operation.exception ?? null,
    outcome: operation.outcome,
    phase: operation.phase,
    was_unknown: operation.wasUnknown,
    attempts: operation.attempts,
    claimed_by: operation.claimedBy ?? null,
    claimed_at: at(operation.claimedAtMs),
    not_before: at(operation.notBeforeMs),
    http_status: operation.httpStatus ?? null,
    rule: operation.rule ?? null,
    detail: operation.detail ?? null,
    settled_at: at(operation.settledAtMs),
    // Left out of the JSON where nobody did, which is null too: of nearly all operations, and a batch pays for each name that it carries.
    settled_by: operation.settledBy,
    version,
  };
}

const at = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
