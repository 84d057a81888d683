import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';

import { privileges } from '../../src/db/grants.ts';
import type { Draft } from '../../src/ledger/draft.ts';
import { writeDraft } from '../../src/ledger/write-draft.ts';
import { recordEvent } from '../../src/outcome/record-event.ts';
import { gateParts } from '../support/gate-parts.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

const store = storeOfHosts(100);

/** What stands in each table. */
async function rows(): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const table of Object.keys(privileges)) {
    const { rows: found } = await sql<{ text: string }>`
      select coalesce(string_agg(t::text, '|' order by t::text), '') as text from ${sql.table(table)} t`.execute(
      store.db,
    );
    all[table] = found[0]?.text ?? '';
  }
  return all;
}

/** A batch with something for each table that a batch writes, computed from the head there is, and not written. */
async function unwritten(): Promise<Draft> {
  const parts = await gateParts(store);
  await parts.ask(['h1'], 'before');
  let draft: Draft | undefined;
  const kept = parts.ledger.enqueue(async turn => {
    for (const operation of [...turn.book.operations()])
      recordEvent(
        turn,
        operation,
        { type: 'attempt', attempt: 1, attempted: { kind: 'delivered', detail: 'done' } },
        'gate-1',
      );
    await parts.decide(turn, ['h2'], 'now');
    const said = { principal: 'observer', artifact: 'sha256:a', name: 'canary', status: 'passed' } as const;
    const { seq } = turn.draft.append('evidence', said);
    turn.draft.evidence.push({ ...said, seq, dimension: '', value: '' });
    draft = turn.draft;
    throw new Error('it is not written');
  });
  await expect(kept).rejects.toThrow('Nothing was decided');
  if (draft === undefined) throw new Error('there was no turn');
  return draft;
}

describe('a batch', () => {
  it.each([
    ['number', sql`version = version + 1`],
    ['hash', sql`hash = 'sha256:another'`],
  ])('that was computed from a head with another %s writes nothing', async (_, change) => {
    const draft = await unwritten();
    await sql`update head set ${change}`.execute(store.db);
    const before = await rows();
    expect(await writeDraft(store.db, draft)).toBe(false);
    expect(await rows()).toEqual(before);
  });

  it('that knows less of an operation than its row says writes nothing', async () => {
    const draft = await unwritten();
    await sql`update operations set version = version + 1000`.execute(store.db);
    const before = await rows();
    await expect(writeDraft(store.db, draft)).rejects.toThrow('division by zero');
    expect(await rows()).toEqual(before);
  });

  it('that was computed from the head there is writes all of it', async () => {
    const draft = await unwritten();
    const before = await rows();
    expect(await writeDraft(store.db, draft)).toBe(true);
    const after = await rows();
    const written = Object.keys(after).filter(table => after[table] !== before[table]);
    expect(written.toSorted()).toEqual([
      'asks',
      'decisions',
      'entries',
      'evidence',
      'head',
      'holds',
      'operations',
      'spends',
      'target_sets',
    ]);
  });
});
