import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ENTRY_TYPES } from '../../src/kit/entry-types.ts';

test('the database takes exactly the types of entries that the gate knows', () => {
  const sql = readFileSync(new URL('../../migrations/0001_gate.sql', import.meta.url), 'utf8');
  const [, list] = /constraint entries_type check \(type in \(([^)]*)\)\)/.exec(sql) ?? [];
  expect(list?.split(', ')).toEqual(ENTRY_TYPES.map(type => `'${type}'`));
});
