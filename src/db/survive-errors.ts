import type { Pool } from 'pg';

/**
 * A connection that fails says so as an event, besides failing its queries; an event that nobody hears ends the process.
 * The pool hears idle ones only, so each connection gets a listener of its own for as long as it lives.
 */
export function surviveErrors(pool: Pool, say: (error: Error) => void): void {
  pool.on('connect', client => {
    client.on('error', say);
  });
  // Said by the connection itself, above.
  pool.on('error', () => undefined);
}
