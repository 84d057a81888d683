import path from 'node:path';
import { chmodSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { readAddress } from '../../src/cli/read-address.ts';
import { readKillFile } from '../../src/cli/read-kill-file.ts';
import { problem, type Step } from '../client/scripted-server.ts';
import { againstServer } from './against-server.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const { files, server } = againstServer();

async function run(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

const config = files.write('interlock.yaml', 'kill_file: ./stop/NOW\n');
const TOUCH = `touch ${path.join(files.folder, 'stop/NOW')}`;
const ENGAGED = {
  ...{ id: '1', scope: {}, reason: '', except: [], engaged_at: '2026-11-28T03:00:00Z', engaged_by: 'oncall' },
  ...{ on_the_wire: [], stopped: [], took_ms: 1 },
};

test('who is let through is told that another switch may stop it', async () => {
  server.script({ status: 201, body: { ...ENGAGED, except: ['repair-bot'] } });
  const { code, said } = await run('kill', '--except', 'repair-bot');
  expect(code).toBe(0);
  expect(said).toContain('but for repair-bot where no other switch stops it (kill status).');
});

test('a release that the database did not take says that nothing was released', async () => {
  server.script({ status: 503, body: problem('store.undecided', 503) });
  const id = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
  const { code, complained } = await run('kill', 'release', id, '--reason', 'over');
  expect(code).toBe(3);
  expect(complained).toContain('Nothing was released: what was engaged still is.');
});

test('a release is done though what else is engaged cannot be told', async () => {
  const id = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
  const over = { released_at: '2026-11-28T03:10:00Z', released_by: 'oncall', release_reason: 'over' };
  server.script(
    { status: 200, body: { ...ENGAGED, id, ...over } },
    { status: 401, body: problem('request.unauthenticated', 401) },
  );
  const { code, said, complained } = await run('kill', 'release', id, '--reason', 'over');
  expect(said).toContain('Released for everything');
  expect(complained).toContain('What else is engaged could not be told');
  expect(code).toBe(0);
});

describe('what is no answer of a gate has engaged nothing that is known of', () => {
  test.each<[string, Step]>([
    ['a page of JSON', { status: 200, body: { status: 'ok' } }],
    ['a page of sign-on', { status: 200, body: '<html>sign on</html>' }],
    ['the whole of an engage, but with 200', { status: 200, body: ENGAGED }],
    ['a 201 that names no switch', { status: 201, body: { status: 'created' } }],
    ['a 202', { status: 202, body: ENGAGED }],
  ])('%s', async (_, step) => {
    for (const json of [[], ['--json']]) {
      server.script(step);
      const { code, said, complained } = await run('kill', '--config', config, ...json);
      expect(code).toBe(3);
      expect(complained).toContain('It is not known whether the switch is engaged');
      expect(complained).toContain(TOUCH);
      expect(complained).not.toContain('crashed');
      expect(said).not.toContain('Engaged');
      expect(server.received).toHaveLength(1);
    }
  });

  test('nor released, nor loaded', async () => {
    const id = '00000000-0000-4000-8000-000000000000';
    server.script({ status: 200, body: { status: 'ok' } });
    expect(await run('kill', 'release', id, '--reason', 'x', '--json')).toMatchObject({ code: 3 });
    const hosts = files.write('hosts.ndjson', '{"id":"a"}\n');
    expect(await run('inventory', 'load', 'host', hosts, '--json')).toMatchObject({ code: 3 });
  });

  test('what is on the wire is told as far as the gate tells it', async () => {
    const decided = {
      ...{ id: 'a', decision: 'allowed', action: 'disk.wipe', principal: 'decom-bot', reasons: [] },
      ...{ targets: { count: 1200, digest: '' }, decided_at: '2026-11-28T02:59:58Z' },
    };
    server.script(
      { status: 201, body: { ...ENGAGED, on_the_wire: ['a', 'b'] } },
      { status: 200, body: decided },
      { status: 404, body: problem('request.not_found', 404) },
    );
    const { code, said } = await run('kill');
    expect(code).toBe(0);
    expect(said).toContain('disk.wipe, 1,200 targets, by decom-bot, allowed at 2026-11-28T02:59:58Z');
    expect(said).toMatch(/^ {2}[ab]$/m);
    expect(said).toContain('Nothing waited to be sent.');
  });

  test('and so is what was stopped', async () => {
    const decided = {
      ...{ id: 'c', decision: 'allowed', action: 'config.push', principal: 'ci', reasons: [] },
      ...{ targets: { count: 1, digest: '' }, decided_at: '2026-11-28T02:59:58Z' },
    };
    server.script({ status: 201, body: { ...ENGAGED, stopped: ['c'] } }, { status: 200, body: decided });
    const { said } = await run('kill');
    expect(said).toContain('  c  config.push, 1 target, by ci, allowed at 2026-11-28T02:59:58Z');
    expect(said).toContain('Nothing is on the wire.');
  });

  test('and 201 with the switch is', async () => {
    server.script({ status: 201, body: ENGAGED });
    expect(await run('kill', '--config', config)).toMatchObject({ code: 0, complained: '' });
  });
});

describe('the way that needs no gate is said', () => {
  const withSettings = (text: string, mode = 0o600): void => {
    chmodSync(files.write('broken/interlock/client.yaml', text), mode);
    vi.stubEnv('XDG_CONFIG_HOME', path.join(files.folder, 'broken'));
    vi.stubEnv('INTERLOCK_KEY', undefined);
  };

  test.each<[string, string, number]>([
    ['is no YAML', 'url: [', 0o600],
    ['has a word that is none', 'urls: x\n', 0o600],
    ['others may read', 'key: ilk_other\n', 0o644],
  ])('where client.yaml %s', async (_, text, mode) => {
    withSettings(text, mode);
    const { code, complained } = await run('kill', '--config', config);
    expect(code).toBe(2);
    expect(complained).toContain('client.yaml');
    expect(complained).toContain('Nothing was engaged.');
    expect(complained).toContain(TOUCH);
    expect(complained).not.toContain('ilk_other');
  });

  test('where a variable of the gate is wrong, though not which file', async () => {
    vi.stubEnv('INTERLOCK_LOG', 'loud');
    server.script({ status: 401, body: problem('request.unauthenticated', 401) });
    const { code, complained } = await run('kill');
    expect(code).toBe(2);
    expect(complained).toContain('make the kill file of each gate');
  });

  test.each(['store.unavailable', 'store.behind', 'store.undecided'])(
    'where the gate says %s: nothing was engaged, and that is known',
    async rule => {
      server.script({ status: 503, body: problem(rule, 503) });
      const { code, complained } = await run('kill', '--config', config);
      expect(code).toBe(3);
      expect(complained).toContain('Nothing was engaged.');
      expect(complained).toContain(`With the database away: on each machine that runs a gate,\n  ${TOUCH}`);
      expect(complained).not.toContain('It is not known');
    },
  );

  test('with a word on where it comes from, if the configuration does not name it', async () => {
    server.script(res => void res.destroy());
    const { complained } = await run('kill', '--config', files.write('none.yaml', 'store: ./store\n'));
    expect(complained).toContain(`touch ${path.join(files.folder, 'KILL')}`);
    expect(complained).toContain('sets no `kill_file`');
  });
});

describe('a configuration that cannot be read', () => {
  const folder = path.dirname(config);
  const missing = path.join(folder, 'typo.yaml');
  const locked = files.write('locked.yaml', 'kill_file: ./stop/NOW\n');
  chmodSync(locked, 0o000);
  const maySee = process.getuid?.() === 0;
  const cases: readonly (readonly [string, string, string])[] = [
    ['is not there', missing, `there is no file "${missing}"`],
    ['is below a file', path.join(config, 'x'), 'cannot be read'],
    ['is a folder', folder, `"${folder}" cannot be read: it is a folder, and not a file`],
    ['has a blank name', ' ', 'it is blank'],
    ...(maySee ? [] : [['is not for this user', locked, 'may not be read by this user'] as const]),
  ];

  test.each(cases)(
    'is said in a line of its own where it %s, whatever else is said',
    async (_, named, why) => {
      const line = new RegExp(
        `^interlock: --config: .*${escapeRegExp(why)}.*Nothing was taken from it\\.$`,
        'gm',
      );
      const endings: readonly Step[] = [
        { status: 201, body: ENGAGED },
        { status: 401, body: problem('request.unauthenticated', 401) },
        { status: 422, body: problem('request.invalid', 422) },
        { status: 503, body: problem('store.unavailable', 503) },
        res => void res.destroy(),
      ];
      for (const step of endings) {
        server.script(step);
        const { complained } = await run('kill', '--config', named);
        expect(complained.match(line), complained).toHaveLength(1);
        expect(complained).not.toContain('touch');
      }
      const half = await run('kill', '--config', named, '--value', 'eu');
      expect(half.complained.match(line), half.complained).toHaveLength(1);
      vi.stubEnv('INTERLOCK_URL', undefined);
      const { code, complained } = await run('kill', '--config', named);
      expect(code).toBe(2);
      expect(complained).toContain('which gate?');
      expect(complained.match(line), complained).toHaveLength(1);
      expect(complained).toContain('make the kill file of each gate');
      expect(complained).not.toContain('--config FILE tells');
    },
  );

  test('is no trouble where none was named', async () => {
    server.script({ status: 401, body: problem('request.unauthenticated', 401) });
    expect((await run('kill')).complained).not.toContain('--config:');
  });
});

test('a kill file is named so that a shell takes it', async () => {
  server.script({ status: 503, body: problem('store.unavailable', 503) });
  const odd = files.write('odd.yaml', 'kill_file: "./it\'s off"\n');
  const { complained } = await run('kill', '--config', odd);
  expect(complained).toContain(`touch '${files.folder}/it'\\''s off'`);
});

describe('the gate of a configuration that is named', () => {
  const listening = (): string =>
    files.write('listening.yaml', `listen: "${new URL(server.url).host}"\nkill_file: ./stop/NOW\n`);

  test('is stopped where nothing else says which', async () => {
    vi.stubEnv('INTERLOCK_URL', undefined);
    server.script({ status: 201, body: ENGAGED });
    expect(await run('kill', '--config', listening())).toMatchObject({ code: 0, complained: '' });
    expect(server.received).toHaveLength(1);
  });

  test('gives way to one that is named itself', async () => {
    server.script({ status: 201, body: ENGAGED });
    const elsewhere = files.write('elsewhere.yaml', 'listen: 127.0.0.1:9\n');
    expect(await run('kill', '--config', elsewhere)).toMatchObject({ code: 0 });
    expect(server.received).toHaveLength(1);
  });

  test.each<[string, string]>([
    ['is broken', 'listen: "127.0.0.1:7070"\nkinds: [\n'],
    ['says it twice', 'listen: 127.0.0.1:7070\nlisten: 127.0.0.1:7071\n'],
    ['lets the system choose', 'listen: 127.0.0.1:0\n'],
    ['says what is no address', 'listen: somewhere\n'],
    ['is empty', ''],
  ])('is not guessed from one that %s', async (_, text) => {
    vi.stubEnv('INTERLOCK_URL', undefined);
    const { code, complained } = await run('kill', '--config', files.write('unclear.yaml', text));
    expect(code).toBe(2);
    expect(complained).toContain('which gate?');
  });

  test('is reached by TLS, and by the name that its certificate has', () => {
    const read = (text: string) => readAddress(files.write('address.yaml', text));
    const tls = 'tls: { cert: a, key: b }\n';
    expect(read(`listen: 0.0.0.0:1\n${tls}`)).toBe('https://127.0.0.1:1');
    expect(read(`public_url: https://gate.example\n${tls}`)).toBe('https://gate.example');
    expect(read('public_url: https://gate.example\n')).toBe('http://127.0.0.1:7070');
  });
});

describe('the kill file of a configuration', () => {
  const read = (text: string) => readKillFile(files.write('read.yaml', text));

  test.each<[string, string]>([
    ['empty', ''],
    ['no map', '- kill_file\n'],
    ['cut off within a line before it', 'listen: "127.0.0.1:70'],
    ['cut off within a list', 'actions: { a: [1,'],
    ['cut off within its name', 'listen: x\nkill_file: ./sto'],
    ['cut off before its name', 'listen: x\nkill_file:'],
    ['without a name', 'kill_file:\nlisten: x\n'],
    ['with a blank name', 'kill_file: " "\nlisten: x\n'],
    ['with a number', 'kill_file: 7\n'],
    ['with a list', 'kill_file: [./KILL]\n'],
    ['with two of them', 'kill_file: ./A\nkill_file: ./B\n'],
    ['with another word for it', 'at: &at ./A\nkill_file: *at\n'],
  ])('is not guessed where it is %s', (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  test('is what it says, also where it is broken elsewhere, and else the default', () => {
    const named = { file: path.join(files.folder, 'stop/NOW'), isDefault: false };
    expect(read('kill_file: ./stop/NOW\nkinds: { a: [')).toEqual(named);
    expect(read('listen: x\nkill_file: "./stop/NOW" # there\n')).toEqual(named);
    expect(read('listen: x\r\nkill_file: ./stop/NOW\r\n')).toEqual(named);
    expect(read('listen: x\n')).toEqual({ file: path.join(files.folder, 'KILL'), isDefault: true });
    expect(readKillFile(path.join(files.folder, 'not-there.yaml'))).toBeUndefined();
  });
});

describe('kill status', () => {
  const listed = { scope: {}, reason: 'why', except: [] };
  const by = { engaged_at: '2026-11-28T03:00:00Z', engaged_by: 'oncall' };

  test('says of a kill file that it stops one gate only', async () => {
    server.script({
      status: 200,
      body: { engaged: [{ id: 'kill-file', ...listed, note: 'This gate only.' }] },
    });
    const { code, said } = await run('kill', 'status');
    expect([code, said]).toEqual([0, expect.stringContaining('everything, at this gate only')]);
  });

  test('does not say more of other gates than the one that answers can know', async () => {
    server.script({ status: 200, body: { engaged: [] } });
    const { said } = await run('kill', 'status');
    expect(said).toMatch(/^Nothing is engaged: no switch,.*no kill file at the gate that answered/);
  });

  test('says of a switch how it stops something else than its scope says', async () => {
    const one = { id: 'a', ...listed, ...by, scope: { dimension: 'zone', value: 'z0' } };
    server.script({ status: 200, body: { engaged: [{ ...one, note: 'It stops everything.' }] } });
    const { said } = await run('kill', 'status');
    expect(said).toContain('zone z0: It stops everything.');
  });
});
