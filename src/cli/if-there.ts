import { asError } from '../kit/fault.ts';

/** What a look at a file finds; undefined where there is none. */
export async function ifThere<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (thrown) {
    const error = asError(thrown);
    if ('code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
