import { expect, it } from 'vitest';
import { readExportLine } from '../../src/audit/export-line.ts';
import { linesOf } from '../../src/audit/lines.ts';
import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { canonicalJson } from '../../src/kit/canonical-json.ts';
import { entryHash, GENESIS } from '../../src/ledger/chain.ts';

async function lines(...pieces: string[]): Promise<[string, boolean][]> {
  const found: [string, boolean][] = [];
  async function* source(): AsyncGenerator<string> {
    yield* await Promise.resolve(pieces);
  }
  for await (const { text, ended } of linesOf(source())) found.push([text, ended]);
  return found;
}

it('a line ends at a line feed and nowhere else, however the text is cut', async () => {
  expect(await lines()).toEqual([]);
  expect(await lines('a\u2028b\r', '\n', '\nc', 'd\ne')).toEqual([
    ['a\u2028b\r', true],
    ['', true],
    ['cd', true],
    ['e', false],
  ]);
});

it('a line of an export has the hash of its entry, whatever characters it holds', () => {
  const body = { b: 'separators \u2028, \u0000 and \u{1f4a5}', a: [1e21, -0.5, { 1: null }] };
  const at = '2026-11-22T10:00:00.000Z';
  const hash = entryHash(1, at, 'decision', canonicalJson(body), GENESIS);
  const entry = readExportLine(JSON.stringify({ seq: 1, at, type: 'decision', body, prev: GENESIS, hash }));
  if ('problem' in entry) throw new Error(entry.problem);
  const chain = new ChainVerifier();
  chain.add(entry);
  expect(chain.end()).toMatchObject({ entries: 1, head: { seq: 1, hash } });
});

it.each([
  ['no JSON', 'seq'],
  ['an empty line', ''],
  ['a list', '[]'],
  ['a field too few', '{"seq":1,"at":"","type":"","prev":"","hash":""}'],
  ['a field too many', '{"seq":1,"at":"","type":"","body":{},"prev":"","hash":"","more":1}'],
  ['a key twice', '{"seq":2,"seq":1,"at":"","type":"","body":{},"prev":"","hash":""}'],
  ['a number that is text', '{"seq":"1","at":"","type":"","body":{},"prev":"","hash":""}'],
])('a line that is no entry says why: %s', (_, line) => {
  expect(readExportLine(line)).toHaveProperty('problem');
});

it('a line that another tool has written anew, with a NUL in it as older gates recorded it, is an entry', () => {
  const body = { parameters: { 'q\u0000': '\u0000' } };
  const text = JSON.stringify({ seq: 1, at: '', type: 'decision', body, prev: GENESIS, hash: GENESIS });
  expect(readExportLine(text.replace(':', ': '))).not.toHaveProperty('problem');
});
