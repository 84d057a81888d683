import { Pool, type PoolClient } from 'pg';

type Connected = (error: Error | undefined, client: PoolClient | undefined, done: () => void) => void;

/** Connections to a server; one that cannot be made says what an operator can do about it. */
export class ServerPool extends Pool {
  override connect(): Promise<PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<PoolClient> | undefined {
    if (callback === undefined)
      return super.connect().catch((thrown: unknown) => {
        throw sayPassword(thrown);
      });
    super.connect((error, client, done) => {
      callback(error === undefined ? undefined : sayPassword(error), client, done);
    });
    return undefined;
  }
}

/** The driver says this as if its caller had given no text; it was the operator, who has not said a password anywhere. */
const PASSWORDLESS = /client password must be a (?:non-empty )?string/;

const sayPassword = <E>(error: E): E | Error =>
  error instanceof Error && PASSWORDLESS.test(error.message)
    ? new Error(
        'the server asks for a password, and the gate has none: give it PGPASSWORD, or a line in ~/.pgpass (or the file that PGPASSFILE names, mode 600) of the user it runs as, or a password in the URL of `store`',
        { cause: error },
      )
    : error;
