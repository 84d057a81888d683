import { own } from '../kit/own.ts';
import type { Book, EngagedSwitch } from './book.ts';
import type { Operation } from './operation.ts';

/** What a request, or an operation of one, is in the eyes of a switch. */
export interface Stoppable {
  readonly action: string;
  readonly kind: string;
  readonly principal: string;
  /** Whether a target of it has the value; undefined where none has, and one lacks the dimension. */
  touches(dimension: string, value: string): boolean | undefined;
}

/** It knows what is declared now. */
type Declared = Pick<Book, 'declares' | 'declaring' | 'declaresAction'>;

/** Whether an engaged switch stops this; the requesters it names are let through. */
export function stops(engaged: EngagedSwitch, one: Stoppable, book: Declared): boolean {
  return isInScope(engaged, one, book) && !engaged.except.includes(one.principal);
}

/**
 * A value scope stops a request if any of its targets has the value. An action that is not declared any more may be called otherwise
 * now: a switch on it is on any action, and what was allowed under it is in the scope of a switch on any action.
 */
function isInScope(engaged: EngagedSwitch, one: Stoppable, book: Declared): boolean {
  const { scope } = engaged;
  if ('action' in scope)
    return (
      scope.action === one.action || !book.declaresAction(scope.action) || !book.declaresAction(one.action)
    );
  if (!('dimension' in scope)) return true;
  const { dimension, value } = scope;
  return one.touches(dimension, value) ?? !isKnownToLack(engaged, dimension, one.kind, book);
}

/**
 * A target without the dimension may be anywhere, unless its kind had no such dimension when the switch was engaged, has none now, and
 * another kind has. Where none has, what was stopped may be of a kind that is called otherwise now.
 */
function isKnownToLack(engaged: EngagedSwitch, dimension: string, kind: string, book: Declared): boolean {
  return (
    engaged.lacking?.includes(kind) === true &&
    !book.declares(kind, dimension) &&
    book.declaring(dimension).length > 0
  );
}

/**
 * Why it stops everything, though it was engaged for one action or value: nobody can tell any more what that is. Undefined where it
 * stops no more than what it was engaged for.
 */
export function whyStopsAll({ scope }: EngagedSwitch, book: Declared): string | undefined {
  if ('action' in scope)
    return book.declaresAction(scope.action)
      ? undefined
      : 'This action is not declared here, and may be called otherwise: it stops everything.';
  if (!('dimension' in scope) || book.declaring(scope.dimension).length > 0) return undefined;
  return 'No kind declares this dimension any more: it stops everything.';
}

/** Why it stops no new request, though it is engaged: the value is gone. Undefined where it can stop one. */
export const whyStopsNothing = (
  { scope }: EngagedSwitch,
  book: Declared & Pick<Book, 'hasValue'>,
): string | undefined =>
  !('dimension' in scope) ||
  book.declaring(scope.dimension).length === 0 ||
  book.hasValue(scope.dimension, scope.value)
    ? undefined
    : 'No target has this value any more: it stops no new request. If the targets have another value now, engage it for that one.';

/** An allowed request in the eyes of a switch: by the values that its targets had at the decision. */
export const stoppableOf = (
  operation: Pick<Operation, 'action' | 'kind' | 'principal' | 'dimensionValues'>,
): Stoppable => ({
  action: operation.action,
  kind: operation.kind,
  principal: operation.principal,
  touches: (dimension, value) => {
    const all = operation.dimensionValues;
    const values = own(all, dimension);
    // Declared since then, it may be of any value. The blank one is that of targets which lacked it.
    if (values === undefined) return undefined;
    return values.includes(value) || (values.includes('') ? undefined : false);
  },
});
