import type { RawBuilder } from 'kysely';

/** What rows beside the chain must not be. */
export interface RowCheck {
  readonly table: string;
  /** What is so of the row that is named. */
  readonly says: string;
  /** Gives `what`, the name of each row of which it is so. */
  readonly rows: RawBuilder<{ readonly what: string }>;
}
