import type { Kysely } from 'kysely';
import type { Kind } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { definitionOf } from '../inventory/describe-kind.ts';
import type { ChainReport, ChainVerifier } from './verify-chain.ts';
import {
  checkRows,
  inSnapshot,
  readDefinitions,
  readEntries,
  readShownHead,
  type RowFinding,
} from './verify-queries.ts';

/** What a store says, against itself. */
export interface StoreReport {
  readonly report: ChainReport;
  readonly rows: readonly RowFinding[];
  /** What could not be looked at, and why. */
  readonly notes: readonly string[];
}

/**
 * Follows the chain of a store, and counts anew what its other tables keep of it. Reads one moment, and writes nothing.
 * @param kinds as they are declared; what was loaded under another declaration is not counted
 * @throws Fault `store.unavailable`
 */
export async function verifyStore(
  db: Kysely<Database>,
  kinds: readonly Kind[],
  chain: Pick<ChainVerifier, 'add' | 'end'>,
): Promise<StoreReport> {
  return await inSnapshot(db, async tx => {
    for await (const entry of readEntries(tx)) chain.add(entry);
    // A store without its head row has lost it: the chain of nothing is then the only one that it can have.
    const head = (await readShownHead(tx)) ?? { seq: 0, hash: '' };
    const report = chain.end(head);
    const loaded = new Map((await readDefinitions(tx)).map(row => [row.kind, row.definition]));
    const counted = kinds.filter(kind => loaded.get(kind.name) === definitionOf(kind));
    const others = [...loaded.keys()].filter(name => !counted.some(kind => kind.name === name));
    return {
      report,
      rows: await checkRows(tx, counted),
      notes: others.map(
        name => `The kind ${name} was loaded under another declaration: its totals were not counted anew.`,
      ),
    };
  });
}
