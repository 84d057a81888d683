import type { Kysely } from 'kysely';
import type { Database } from '../../src/db/database.ts';

/** The same database, and how many statements were begun on it. */
export function countedStatements(plain: Kysely<Database>): {
  readonly db: Kysely<Database>;
  readonly begun: () => number;
} {
  let statements = 0;
  const db = plain.withPlugin({
    transformQuery: ({ node }) => {
      statements += 1;
      return node;
    },
    transformResult: async ({ result }) => await Promise.resolve(result),
  });
  return { db, begun: () => statements };
}
