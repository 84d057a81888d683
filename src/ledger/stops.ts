import type { Book, EngagedSwitch } from './book.ts';
import type { Operation } from './operation.ts';

/** What a request, or an operation of one, is in the eyes of a switch. */
export interface Subject {
  readonly action: string;
  readonly kind: string;
  readonly principal: string;
  /** Whether a target of it has the value; undefined where none has, and one lacks the dimension. */
  touches(dimension: string, value: string): boolean | undefined;
}

/** By its kinds it knows what is declared now. */
type Declared = Pick<Book, 'declares' | 'declaring'>;

/** Whether an engaged switch stops this; the requesters it names are let through. */
export function stops(engaged: EngagedSwitch, subject: Subject, book: Declared): boolean {
  return isInScope(engaged, subject, book) && !engaged.except.includes(subject.principal);
}

/** A value scope stops a request if any of its targets has the value. */
function isInScope(engaged: EngagedSwitch, subject: Subject, book: Declared): boolean {
  const { scope } = engaged;
  if ('action' in scope) return scope.action === subject.action;
  if (!('dimension' in scope)) return true;
  const { dimension, value } = scope;
  return subject.touches(dimension, value) ?? !isKnownToLack(engaged, dimension, subject.kind, book);
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

/** Whether it stops everything, though it was engaged for one value: nobody can tell any more what has it. */
export const stopsAll = ({ scope }: EngagedSwitch, book: Declared): boolean =>
  'dimension' in scope && book.declaring(scope.dimension).length === 0;

export const STOPS_ALL = 'No kind declares this dimension any more: it stops everything.';

/** An allowed request in the eyes of a switch: by the values that its targets had at the decision. */
export const subjectOf = (operation: Operation): Subject => ({
  action: operation.action,
  kind: operation.kind,
  principal: operation.principal,
  touches: (dimension, value) => {
    const values = operation.dimensionValues[dimension];
    // Declared since then, it may be of any value. The blank one is that of targets which lacked it.
    if (values === undefined) return undefined;
    return values.includes(value) || (values.includes('') ? undefined : false);
  },
});
