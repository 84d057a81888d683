import type { Pool } from 'pg';
import { codeOf } from '../kit/fault.ts';
import { StoreRefused } from './store-refused.ts';

/** The constraint that a decision breaks whose number is taken. */
const NUMBER_ONCE = 'decisions_position';

/** What to do then, as a sentence. */
export const NUMBERS_BEHIND = `The database numbers its decisions from below those that are there: a promoted logical replica, or a restore of rows alone, brings no sequences. As its owner, run: select setval(pg_get_serial_sequence('decisions', 'position'), (select max(position) from decisions));`;

/** Whether a row could not be written because its number is taken. */
export const isNumberTaken = (cause: unknown): boolean =>
  codeOf(cause) === '23505' &&
  cause instanceof Error &&
  'constraint' in cause &&
  cause.constraint === NUMBER_ONCE;

/**
 * Each try takes one number more, so with years of decisions none is made for weeks. Where the role may not look, the decision that
 * meets it says so.
 * @throws StoreRefused where the next decision's number is taken
 */
export async function refuseTakenNumbers(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ behind: boolean }>(
    `select s.last_value is distinct from greatest(s.last_value, (select max(position) from decisions)) as behind
     from pg_sequences s
     where (quote_ident(s.schemaname) || '.' || quote_ident(s.sequencename))::regclass = pg_get_serial_sequence('decisions', 'position')::regclass
       and has_sequence_privilege(pg_get_serial_sequence('decisions', 'position'), 'select')`,
  );
  if (rows.some(({ behind }) => behind)) throw new StoreRefused(NUMBERS_BEHIND);
}
