import { z } from 'zod';

import type { Kind } from '../config/config.ts';
import { parseTimeMs } from '../kit/time.ts';
import type { Book, KindState, Scope, ValueTotal } from './book.ts';
import { toOperation } from './operation-row.ts';
import type { AskRow, SpendRow } from './counted-queries.ts';
import type { ControlEntryRow, Tail } from './queries.ts';

const scopeSchema = z.union([
  z.strictObject({ action: z.string() }),
  z.strictObject({ dimension: z.string(), value: z.string() }),
  z.strictObject({}),
]);

const switchBody = z.discriminatedUnion('event', [
  z.looseObject({
    event: z.literal('engage'),
    id: z.string(),
    scope: scopeSchema,
    reason: z.string(),
    except: z.array(z.string()),
    lacking: z.array(z.string()).optional(),
    by: z.string(),
  }),
  z.looseObject({ event: z.literal('release'), id: z.string() }),
]);
const policyBody = z.looseObject({ digest: z.string() });
const clockBody = z.union([
  z.looseObject({ accepted_ms: z.number(), version: z.number() }),
  z.looseObject({ event: z.literal('restored') }),
]);

/**
 * A time that an operator accepted at a version: what was written before, and is later, counts as made then. Rows that move were moved by
 * the accept itself (`accept-queries.ts`); what windows count is append-only, and is folded where it is read.
 */
export interface AcceptedTime {
  readonly atMs: number;
  readonly version: number;
}

function foldTime(atMs: number, version: number, accepted: readonly AcceptedTime[]): number {
  return accepted.reduce(
    (time, accept) => (version < accept.version ? Math.min(time, accept.atMs) : time),
    atMs,
  );
}

/**
 * Tells a book what is new to it. It is at the head when it was told all that is counted, too.
 * @param accepted times accepted in what the book has read so far
 * @returns the times accepted up to the head
 */
export function applyTail(
  book: Book,
  tail: Tail,
  kinds: ReadonlyMap<string, Kind>,
  accepted: readonly AcceptedTime[],
): readonly AcceptedTime[] {
  const news = applyEntries(book, tail.entries ?? []);
  const allAccepted = [...accepted, ...news];
  applyInventory(book, tail);
  for (const row of tail.operations ?? []) book.setOperation(toOperation(row));
  applyHolds(book, tail, kinds);
  applySpends(book, tail.spends ?? [], allAccepted);
  applyAsks(book, tail.asks ?? [], allAccepted);
  return allAccepted;
}

/** In their order. @returns the times accepted in them */
export const applyEntries = (book: Book, entries: readonly ControlEntryRow[]): readonly AcceptedTime[] =>
  entries.flatMap(entry => applyEntry(book, entry));

/** In the order of their versions. */
export function applySpends(book: Book, rows: readonly SpendRow[], accepted: readonly AcceptedTime[]): void {
  for (const [version, atMs, kind, action, principal, dimension, values] of rows) {
    const at = foldTime(atMs, version, accepted);
    for (const [value, count, weights = null] of values)
      book.spend(at, { kind, action, principal, dimension, value, count, weights });
  }
}

/** In the order of their versions. */
export function applyAsks(book: Book, rows: readonly AskRow[], accepted: readonly AcceptedTime[]): void {
  for (const [version, atMs, action, principal, refusedBy, count] of rows)
    book.ask(foldTime(atMs, version, accepted), { action, principal, refusedBy, count });
}

function applyEntry(book: Book, entry: ControlEntryRow): AcceptedTime[] {
  if (entry.type === 'kill_switch') {
    const body = switchBody.parse(entry.body);
    if (body.event === 'release') book.switches.delete(body.id);
    else {
      const scope: Scope = body.scope;
      book.switches.set(body.id, {
        id: body.id,
        scope,
        reason: body.reason,
        except: body.except,
        lacking: body.lacking,
        engagedAt: entry.at,
        engagedBy: body.by,
      });
    }
    return [];
  }
  if (entry.type === 'policy') {
    const { digest } = policyBody.parse(entry.body);
    book.activePolicy = digest;
    book.activeByMs = parseTimeMs(entry.at, 'up');
    book.seenPolicies.add(digest);
    return [];
  }
  const body = clockBody.parse(entry.body);
  if ('event' in body) return [];
  const { accepted_ms, version } = body;
  if (book.activePolicy !== undefined) book.activeByMs = accepted_ms;
  return [{ atMs: accepted_ms, version }];
}

function applyInventory(book: Book, tail: Tail): void {
  for (const row of tail.kinds ?? []) {
    const totals = new Map<string, Map<string, ValueTotal>>();
    for (const total of tail.totals ?? []) {
      if (total.kind !== row.kind) continue;
      const values = totals.get(total.dimension) ?? new Map<string, ValueTotal>();
      totals.set(
        total.dimension,
        values.set(total.value, {
          count: total.count,
          inService: total.in_service,
          ...(total.weights && { weights: total.weights }),
        }),
      );
    }
    const state: KindState = {
      revision: row.revision,
      count: row.count,
      asOfMs: row.as_of_ms,
      definition: row.definition,
      ...(row.weights && { weights: row.weights }),
      ...(row.sources && {
        sources: new Map(
          row.sources.map(one => [one.source, { asOfMs: one.as_of_ms, definition: one.definition }]),
        ),
      }),
      totals,
    };
    // Then all that is held of it comes anew; else what a load has changed.
    if (book.kinds.get(row.kind)?.definition !== row.definition) book.held.forgetHolds(row.kind);
    book.kinds.set(row.kind, state);
  }
}

function applyHolds(book: Book, tail: Tail, kinds: ReadonlyMap<string, Kind>): void {
  for (const row of tail.holds ?? []) {
    if (row.phase === 'closed') {
      book.held.dropHold(row.kind, row.target_id, row.request_id);
      continue;
    }
    const serving = kinds.get(row.kind)?.state?.inService ?? [];
    book.held.setHold(
      row.kind,
      row.target_id,
      {
        requestId: row.request_id,
        action: row.action,
        irreversible: row.irreversible,
        operating: row.phase === 'operating',
      },
      { inService: row.state !== null && serving.includes(row.state), labels: row.labels ?? {} },
    );
  }
}
