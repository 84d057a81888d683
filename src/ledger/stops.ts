import type { Book, EngagedSwitch, Scope } from './book.ts';
import type { Operation } from './operation.ts';

/** What a request, or an operation of one, is in the eyes of a switch. */
export interface Subject {
  readonly action: string;
  readonly principal: string;
  touches(dimension: string, value: string): boolean;
}

/** A value scope stops a request if any of its targets has the value. */
function isInScope(scope: Scope, subject: Pick<Subject, 'action' | 'touches'>): boolean {
  if ('action' in scope) return scope.action === subject.action;
  if ('dimension' in scope) return subject.touches(scope.dimension, scope.value);
  return true;
}

/** Whether an engaged switch stops this; the requesters it names are let through. */
export function stops(engaged: EngagedSwitch, subject: Subject): boolean {
  return isInScope(engaged.scope, subject) && !engaged.except.includes(subject.principal);
}

/** An allowed request in the eyes of a switch: by the values that its targets had at the decision. */
export const subjectOf = (operation: Operation, book: Pick<Book, 'declares'>): Subject => ({
  action: operation.action,
  principal: operation.principal,
  touches: (dimension, value) => {
    const values = operation.dimensionValues[dimension];
    // Declared since then, it may be of any value.
    if (values === undefined) return book.declares(operation.kind, dimension);
    // The blank value is that of targets which lacked it: they may be anywhere.
    return values.includes(value) || values.includes('');
  },
});
