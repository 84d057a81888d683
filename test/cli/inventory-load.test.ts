import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { scriptedServer } from '../client/scripted-server.ts';
import { temporaryFolder } from '../config/files.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const files = temporaryFolder();
const pipe = path.join(files.folder, 'hosts.ndjson');
let server: Awaited<ReturnType<typeof scriptedServer>>;
beforeAll(async () => {
  execFileSync('mkfifo', [pipe]);
  server = await scriptedServer();
});
afterAll(() => {
  server.close();
  files.remove();
});
beforeEach(() => {
  vi.stubEnv('INTERLOCK_URL', server.url);
  vi.stubEnv('INTERLOCK_KEY', 'ilk_secret');
  server.script({ status: 200, body: { revision: 7, count: 2, added: 2, removed: 0, changed: 0 } });
});
afterEach(() => vi.unstubAllEnvs());

async function load(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runProgram(['inventory', 'load', 'host', ...args], terminal);
  return { code, complained: terminal.complained.join('\n') };
}

describe('what is read from a pipe', () => {
  test.each<[string, string[]]>([
    ['stdin', ['-', '--format', 'ndjson']],
    ['stdin, of a patch', ['-', '--format', 'ndjson', '--patch']],
    ['a pipe with a name', [pipe]],
  ])('is not loaded without the number of its lines: %s', async (_, args) => {
    const { code, complained } = await load(...args);
    expect(code).toBe(2);
    expect(complained).toContain('say --expect N');
    expect(server.received).toEqual([]);
  });

  test('is loaded with that number, which the gate holds it to', async () => {
    const written = writeFile(pipe, '{"id":"a"}\n{"id":"b"}\n');
    expect(await load(pipe, '--expect', '2')).toMatchObject({ code: 0 });
    await written;
    expect(server.received[0]?.path).toBe('/v1/inventory/host?expect=2');
  });
});

describe('a load that makes a kind more than twice as large', () => {
  const counts = { count: 100_214, added: 100_010, removed: 10, changed: 0 };

  test.each<[string, object, RegExp | undefined]>([
    [
      'is told with both counts',
      counts,
      /^host had 214 targets, and has 100,214 with this load: more than/mu,
    ],
    ['is not one that doubles it', { ...counts, count: 428, added: 214, removed: 0 }, undefined],
    ['is not the first one', { ...counts, count: 5, added: 5, removed: 0 }, undefined],
  ])('%s', async (_, body, said) => {
    server.script({ status: 200, body: { revision: 7, ...body } });
    const hosts = path.join(files.folder, 'grown.ndjson');
    await writeFile(hosts, '{"id":"a"}\n');
    const { code, complained } = await load(hosts);
    expect(code).toBe(0);
    if (said === undefined) expect(complained).not.toContain('twice');
    else expect(complained).toMatch(said);
  });

  test('is told before it is one, by inventory diff', async () => {
    const hosts = path.join(files.folder, 'grown.ndjson');
    await writeFile(hosts, '{"id":"a"}\n');
    const type = '/problems/inventory.unexpected_count';
    server.script(
      { status: 422, body: { type, title: 'x', status: 422, detail: 'x', instance: 'x', would: counts } },
      { status: 200, body: { kinds: [] } },
    );
    const terminal = recordedTerminal();
    expect(await runProgram(['inventory', 'diff', 'host', hosts], terminal)).toBe(0);
    expect(terminal.complained.join('\n')).toContain(
      'host has 214 targets, and would have 100,214 with this load',
    );
  });
});

describe('a snapshot that was read long ago', () => {
  const loaded = { status: 200, body: { revision: 7, count: 2, added: 2, removed: 0, changed: 0 } };
  const ok = { ok: true };
  const saying = (host: object, status: number) => ({
    status,
    body: {
      ready: status === 200,
      checks: { process: ok, database: ok, policy: ok, clock: ok, kinds: { host } },
    },
  });
  const file = (): string => files.write('hosts.csv', 'id\na\nb\n');
  const asOf = ['--as-of', '2026-11-22T03:00:00Z'];

  test('is in force, and that it refuses every request is said beside it', async () => {
    server.script(loaded, saying({ ok: false, detail: 'The inventory of host is 33 h old.' }, 503));
    expect(await load(file(), ...asOf)).toEqual({
      code: 0,
      complained: 'Every request for host is refused all the same: The inventory of host is 33 h old.',
    });
  });

  test.each<[string, Parameters<typeof server.script>[0]]>([
    ['is fresh enough', saying(ok, 200)],
    ['cannot be told of', res => res.destroy()],
  ])('is no cause for a warning where it %s', async (_, second) => {
    server.script(loaded, second);
    expect(await load(file(), ...asOf)).toEqual({ code: 0, complained: '' });
  });

  test('is not asked after where it is read when it arrives', async () => {
    expect(await load(file())).toEqual({ code: 0, complained: '' });
    expect(server.received).toHaveLength(1);
  });
});
