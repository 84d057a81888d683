import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, test } from 'vitest';
import { runAuditExport } from '../../src/cli/audit-export.ts';
import { runAuditSearch } from '../../src/cli/audit-search.ts';
import type { GateCalls } from '../../src/cli/gate-calls.ts';
import { NoAnswerError } from '../../src/client/errors.ts';
import type { Listing, RecordedDecision, Search } from '../../src/client/types.ts';
import { LineCount } from '../../src/cli/load-file.ts';
import { exitCodeOfNo } from '../../src/cli/exit-code.ts';
import { temporaryFolder } from '../config/files.ts';
import { UsageError } from '../../src/config/environment.ts';
import { mountSmallDisk, smallDiskAbsent } from '../support/small-disk.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'interlock-operator-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* bytes(...texts: string[]): AsyncGenerator<Uint8Array, void> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

const count = (format: 'csv' | 'ndjson', ...pieces: string[]): number => {
  const lines = new LineCount(format);
  for (const piece of pieces) lines.add(Buffer.from(piece));
  return lines.lines;
};

describe('the lines of a load', () => {
  test.each<[string, 'csv' | 'ndjson', string[], number]>([
    ['nothing', 'ndjson', [''], 0],
    ['blank lines only', 'ndjson', ['\n\r\n\n'], 0],
    ['a last line without its end', 'ndjson', ['{}\n{', '}'], 2],
    ['lines of another system', 'ndjson', ['{}\r\n{}\r\n'], 2],
    ['a quotation mark in JSON', 'ndjson', ['{"a":"x\\""}\n{"b":"y"}\n'], 2],
    ['a header alone', 'csv', ['id,region\n'], 0],
    ['a header without its end', 'csv', ['id'], 0],
    ['nothing at all', 'csv', [''], 0],
    ['a value with a line break', 'csv', ['id,a\nx,"1\n', '2"\ny,"a ""b""\n"\n'], 2],
  ])('are counted: %s', (_, format, pieces, expected) => {
    expect(count(format, ...pieces)).toBe(expected);
  });

  test('are as many as a reader of CSV finds, however they arrive', () => {
    const cell = fc.oneof(
      fc.stringMatching(/^[a-z]{1,4}$/),
      fc.constantFrom('"a\nb"', '"""x"""', '"\r\n"', '"a,b"'),
    );
    const record = fc.tuple(cell, cell).map(cells => cells.join(','));
    fc.assert(
      fc.property(fc.array(record, { minLength: 1 }), fc.nat(), fc.boolean(), (records, at, ended) => {
        const text = records.join('\n') + (ended ? '\n' : '');
        const cut = at % (text.length + 1);
        expect(count('csv', text.slice(0, cut), text.slice(cut))).toBe(parse(text).length - 1);
      }),
    );
  });
});

test.each([
  [401, 'request.unauthenticated', 2],
  [403, 'principal.not_allowed', 2],
  [404, 'request.not_found', 2],
  [422, 'request.invalid', 2],
  [429, 'request.throttled', 2],
  [409, 'request.conflict', 1],
  [409, 'inventory.shrunken', 1],
  [422, 'inventory.malformed', 1],
  [400, 'inventory.cut_off', 1],
  [422, 'request.idempotency_key', 1],
  [423, 'request.cancelled', 1],
  [422, 'action.unknown', 1],
  [400, 'request.malformed', 2],
  [408, 'request.too_slow', 3],
  [503, 'store.unavailable', 3],
  [403, 'blast_radius.share', 1],
])('an answer %d %s ends a command with %d', (status, rule, expected) => {
  expect(exitCodeOfNo({ status, problem: { type: `/problems/${rule}` } })).toBe(expected);
});

describe('an export that breaks off', () => {
  test.each<[string, AsyncIterable<Uint8Array>]>([
    ['in the middle of a line', bytes('{"seq":1}\n{"se')],
    ['before the first', bytes()],
  ])('%s appears nowhere under its name', async (_, trail) => {
    const out = path.join(folder, 'cut.ndjson');
    const run = runAuditExport(
      { out, force: false, json: false },
      { export: async () => trail },
      recordedTerminal(),
      async () => undefined,
    );
    await expect(run).rejects.toThrow(NoAnswerError);
    expect(existsSync(out)).toBe(false);
  });

  test('leaves a file that was there as it was', async () => {
    const files = temporaryFolder();
    const out = files.write('trail.ndjson', 'whole');
    const run = runAuditExport(
      { out, force: true, json: false },
      { export: async () => bytes('{"seq":1}\n{') },
      recordedTerminal(),
      async () => undefined,
    );
    await expect(run).rejects.toThrow(NoAnswerError);
    expect(readFileSync(out, 'utf8')).toBe('whole');
    files.remove();
  });
});

describe('an export to what is there', () => {
  const files = temporaryFolder();
  afterAll(() => files.remove());
  const exportTo = async (out: string, force: boolean): Promise<number> =>
    await runAuditExport(
      { out, force, json: false },
      { export: async () => bytes('{"seq":1}\n') },
      recordedTerminal(),
      async () => undefined,
    );

  test('through a link takes the place of the file behind it, and leaves the link', async () => {
    const behind = files.write('behind/trail.ndjson', 'old');
    const link = path.join(files.folder, 'link.ndjson');
    symlinkSync(behind, link);
    await expect(exportTo(link, false)).rejects.toThrow('is there already');
    expect(await exportTo(link, true)).toBe(0);
    expect(readlinkSync(link)).toBe(behind);
    expect(readFileSync(behind, 'utf8')).toBe('{"seq":1}\n');
  });

  test.each([
    ['a device', '/dev/null', 'is a device or a socket, and not a file'],
    ['a folder', '.', 'is a folder, and not a file'],
    ['nothing', './nothing', 'is a link to nothing'],
  ])('that is %s by a link is refused, and stays', async (_, to, says) => {
    const link = path.join(files.folder, `to-${path.basename(to)}`);
    symlinkSync(to, link);
    await expect(exportTo(link, true)).rejects.toThrow(says);
    expect(readlinkSync(link)).toBe(to);
  });
});

test.skipIf(smallDiskAbsent() !== undefined)(
  'an export that a full disk cut does not get its name, and says why',
  async () => {
    const disk = mountSmallDisk(1);
    try {
      const out = path.join(disk.folder, 'trail.ndjson');
      const trail = bytes(`"${'x'.repeat(2 << 20)}"\n`);
      const calls = { export: async () => trail };
      const run = runAuditExport(
        { out, force: false, json: false },
        calls,
        recordedTerminal(),
        async () => undefined,
      );
      await expect(run).rejects.toThrow(
        /trail\.ndjson\.part" cannot be written: ENOSPC.* Nothing was put at/,
      );
      await expect(run).rejects.toThrow(UsageError);
      expect(existsSync(out)).toBe(false);
    } finally {
      await disk.remove();
    }
  },
);

const decision = (id: number): RecordedDecision => ({
  id: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
  mode: 'request',
  decision: 'fault',
  principal: 'bot',
  body_digest: 'sha256:',
  reasons: [],
  decided_at: '2026-11-28T12:00:00.000Z',
  status: 503,
});

describe('a search', () => {
  const asked: [Search, Listing][] = [];
  const calls: Pick<GateCalls, 'search' | 'policy' | 'rules'> = {
    search: async (filters = {}, listing = {}) => {
      asked.push([filters, listing]);
      return decisions(Math.min(listing.limit ?? 2500, 2500));
    },
    policy: async () => await Promise.reject(new Error('not asked')),
    rules: async () => ({ rules: {} }),
  };
  async function* decisions(count: number): AsyncGenerator<RecordedDecision, void> {
    for (let at = 0; at < count; at += 1) yield await Promise.resolve(decision(at));
  }
  const nowMs = Date.parse('2026-11-28T12:00:00Z');

  test('of all is written as it comes, and says how far it is', async () => {
    const shown: (string | undefined)[] = [];
    const terminal = { ...recordedTerminal(), progress: (line: string | undefined) => void shown.push(line) };
    const options = { filters: { since: '1h' }, most: undefined, format: 'ndjson' } as const;
    expect(await runAuditSearch(options, calls, terminal, nowMs)).toBe(0);
    expect(asked.at(-1)).toEqual([{ since: '2026-11-28T11:00:00.000Z' }, {}]);
    expect(terminal.said).toHaveLength(2500);
    expect(shown).toEqual(['1,000 requests so far …', '2,000 requests so far …', undefined]);
  });

  test('of some says that there are more', async () => {
    const terminal = recordedTerminal();
    await runAuditSearch({ filters: {}, most: 3, format: 'table' }, calls, terminal, nowMs);
    expect(terminal.said).toHaveLength(4);
    expect(terminal.complained).toEqual([
      'The newest 3 requests are shown; --all shows all, --limit N so many.',
    ]);
    const one = recordedTerminal();
    await runAuditSearch({ filters: {}, most: 1, format: 'table' }, calls, one, nowMs);
    expect(one.complained[0]).toContain('The newest 1 request is shown;');
    const whole = recordedTerminal();
    await runAuditSearch({ filters: {}, most: 2500, format: 'table' }, calls, whole, nowMs);
    expect(whole.complained).toEqual([]);
  });
});
