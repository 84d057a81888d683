import { Fault, codeOf } from '../kit/fault.ts';

/** Five characters by which a database says what is wrong; blank where it was not the database that said it. */
export function sqlState(cause: unknown): string {
  const code = codeOf(cause);
  return code.length === 5 ? code : '';
}

/** It did answer: what it was asked, or what it keeps, is not what it can work with. */
const isOfTheQuestion = (cause: unknown): boolean => /^(22|42)/.test(sqlState(cause));

/** A read outside the ledger. @throws Fault `store.unavailable` for whatever the database said instead of an answer. */
export async function fromDatabase<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    const said = isOfTheQuestion(thrown)
      ? 'The database answers, but cannot read this.'
      : 'The database did not answer. Ask again.';
    throw new Fault('store.unavailable', said, thrown);
  }
}
