import type { Action } from '../config/config.ts';
import type { Reason } from '../kit/refusal.ts';
import type { Book } from './book.ts';
import type { Hold } from './held.ts';
import type { Case } from './case.ts';
import type { Operation } from './operation.ts';

/**
 * So many targets in the way are listed by rule; of more a reason without a value says how many there are. A request may
 * name 200,000 targets, and an answer that lists them all would be 50 MB that nobody reads.
 */
const MAX_LISTED = 1_000;

interface Conflict {
  readonly rule: 'targets.in_operation' | 'targets.already_done';
  readonly id: string;
  readonly hold: Hold;
  /** The outcome of the request that holds the target is unknown. */
  readonly isUnknown: boolean;
}

/** Operations that the targets are in, and what was done to them already. */
export function conflictReasons(one: Case, book: Book): Reason[] {
  const found = new Map<Conflict['rule'], { count: number; readonly listed: Reason[] }>();
  for (const { id } of one.targets) {
    for (const conflict of conflictsOn(one, id, book)) {
      const same = found.get(conflict.rule) ?? { count: 0, listed: [] };
      found.set(conflict.rule, same);
      same.count += 1;
      if (same.listed.length < MAX_LISTED) same.listed.push(explain[conflict.rule](conflict));
    }
  }
  return [...found].flatMap(([rule, { count, listed }]) =>
    count > listed.length ? [countOf(rule, count), ...listed] : listed,
  );
}

/** An action on targets of a kind. */
interface Doing {
  readonly action: Pick<Action, 'name' | 'irreversible'>;
  readonly kind: Pick<Case['kind'], 'name'>;
}

/** The first target for which what was allowed would be refused now, because of another request: settled as refused, and delivered after all. */
export function takenSince(
  { id, kind }: Operation,
  action: Action,
  ids: readonly string[],
  book: Book,
): string | undefined {
  const doing: Doing = { action, kind: { name: kind } };
  for (const target of ids)
    for (const { hold } of conflictsOn(doing, target, book)) if (hold.requestId !== id) return target;
  return undefined;
}

function* conflictsOn(one: Doing, id: string, book: Book): Generator<Conflict> {
  for (const hold of book.held.holdsOn(one.kind.name, id)) {
    const isUnknown = book.operation(hold.requestId)?.outcome === 'unknown';
    // Irreversible when it was done, or declared so since. One that is not declared any more may be called as any action now.
    const isSame =
      hold.action === one.action.name
        ? hold.irreversible || one.action.irreversible
        : hold.irreversible && !book.declaresAction(hold.action);
    if (hold.operating) yield { rule: 'targets.in_operation', id, hold, isUnknown };
    if (isSame && (!hold.operating || isUnknown)) yield { rule: 'targets.already_done', id, hold, isUnknown };
  }
}

const remedies: Readonly<Record<Conflict['rule'], string>> = {
  'targets.in_operation': 'wait for the outcome of that request, or settle it',
  'targets.already_done': 'load an inventory that shows what became of it',
};

const explain: Readonly<Record<Conflict['rule'], (conflict: Conflict) => Reason>> = {
  'targets.in_operation': ({ rule, id, hold }) => ({
    rule,
    message: `${id} is in the operation of request ${hold.requestId} (${hold.action}), which is not settled.`,
    value: id,
    request: hold.requestId,
    remedy: remedies[rule],
  }),
  'targets.already_done': ({ rule, id, hold, isUnknown }) => ({
    rule,
    message: `${hold.action} was ${isUnknown ? 'perhaps ' : ''}done to ${id} by request ${hold.requestId}, and the inventory has not shown ${id} otherwise since.`,
    value: id,
    request: hold.requestId,
    remedy: remedies[rule],
  }),
};

/** Has no value, so it stands before those that are listed. */
const countOf = (rule: Conflict['rule'], count: number): Reason => ({
  rule,
  message: `${count} targets are in the way of this request; the first ${MAX_LISTED} of them are listed.`,
  measured: count,
  limit: 0,
  unit: 'targets',
  remedy: remedies[rule],
});
