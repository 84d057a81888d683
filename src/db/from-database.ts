import { Fault } from '../kit/fault.ts';

/** A read outside the ledger. @throws Fault `store.unavailable` for whatever the database said instead of an answer. */
export async function fromDatabase<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    throw thrown instanceof Fault
      ? thrown
      : new Fault('store.unavailable', 'The database did not answer.', thrown);
  }
}
