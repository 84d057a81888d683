import { sqlState } from '../db/from-database.ts';
import { isNumberTaken, NUMBERS_BEHIND } from '../db/numbering.ts';
import { StoreRefused } from '../db/store-refused.ts';
import { Fault } from '../kit/fault.ts';
import type { Job } from './job.ts';

/** Why a batch failed. */
export interface Failure {
  /** Whether its jobs may be run again, one by one: the batch was rolled back, and the database answers. */
  readonly retry: boolean;
  readonly errorFor: (job: Pick<Job, 'key'>) => Error;
}

/** The commit's result cannot be known: nothing may be run again, for it may have been done. */
export const commitUnknown = (cause: Error): Failure => ({
  retry: false,
  errorFor: ({ key }) =>
    new Fault(
      'forward.commit_unknown',
      key === undefined
        ? 'The connection to the database broke while this was committed: it may have happened. See whether it has, and call again if not.'
        : 'The connection to the database broke while the decision was committed: it may have been allowed. Ask again with the same idempotency key; the answer tells which.',
      cause,
    ),
});

/** Nothing was written. `answers` says whether the database still does. */
export function rolledBack(cause: Error, answers: boolean): Failure {
  if (cause instanceof Fault) return { retry: true, errorFor: () => cause };
  const fault = answers
    ? new Fault(
        'gate.failed',
        `The ledger could not write this decision. Nothing was decided.${isNumberTaken(cause) ? ` ${NUMBERS_BEHIND}` : ''}`,
        cause,
      )
    : new Fault(
        'store.unavailable',
        'The database did not answer, or takes no writes. Nothing was decided.',
        cause,
      );
  return { retry: answers, errorFor: () => fault };
}

/**
 * The database itself said that the commit, or the statement that is one, failed: bad data, a constraint, a serialisation, a deadlock,
 * a privilege, a trigger, a time that was over before it was done, or no room for it, on the disk or in memory. Whatever else ends it
 * leaves it unknown.
 */
export const commitFailed = (cause: Error): boolean =>
  /^(22...|23...|25006|40001|40P01|42...|53100|53200|55P03|57014|P0...)$/.test(sqlState(cause));

/** A unique index has it already: the statement wrote nothing. */
export const isDuplicate = (cause: Error): boolean => sqlState(cause) === '23505';

/** There is no connection, or it broke; its own stack says nothing more. */
export const isOfConnection = (cause: Error): boolean =>
  'syscall' in cause ||
  /^(Connection terminated|timeout exceeded when trying to connect)/.test(cause.message);

/**
 * Connections, resources, an operator's doing, the server's own troubles, one that takes no writes, whether it says so or the store did at
 * connecting or at a look (`StoreReadOnly`). A statement that took too long (57014) is the job's own.
 */
export const isAway = (cause: Error): boolean =>
  cause instanceof StoreRefused ||
  (/^((08|53|57|58)...|25006)$/.test(sqlState(cause)) && sqlState(cause) !== '57014');
