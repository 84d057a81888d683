import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { checkpointLine, publicKeyName, signCheckpoint } from '../../../src/checkpoint/checkpoint.ts';
import { runDoctor } from '../../../src/cli/doctor.ts';
import { checkPermissions, type GateUser } from '../../../src/cli/doctor/files.ts';
import { showBytes } from '../../../src/cli/show-bytes.ts';
import { urlOf } from '../../../src/cli/gate-url.ts';
import { UsageError } from '../../../src/config/environment.ts';
import { FileError, type Config } from '../../../src/config/config.ts';
import { readConfig } from '../../../src/config/read-config.ts';
import { lockFolder } from '../../../src/db/folder-lock.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { sha256 } from '../../../src/kit/digest.ts';
import { unpackArchive } from '../../../src/policy/bundle-files.ts';
import { temporaryFolder, wideLimits, writeGateFiles, type Doc } from '../../support/gate.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../../support/postgres.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { recordedTerminal } from '../recorded-terminal.ts';

/** An executor that takes connections, and remembers what it was told: nothing. */
let executor: Server;
let heard = '';
let executorUrl = '';
let closedUrl = '';

beforeAll(async () => {
  executor = createServer((socket: Socket) => socket.on('data', data => (heard += String(data)))).listen(0);
  await once(executor, 'listening');
  executorUrl = `http://127.0.0.1:${portOf(executor)}/act`;
  const closed = createServer().listen(0);
  await once(closed, 'listening');
  closedUrl = `http://127.0.0.1:${portOf(closed)}/act`;
  await new Promise(resolve => closed.close(resolve));
});
afterAll(() => executor.close());

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const report = z.object({
  status: z.string(),
  checks: z.array(
    z.object({ check: z.string(), status: z.string(), what: z.string(), todo: z.string().optional() }),
  ),
});

async function examine(folder: string, options: { url?: string; ca?: string } = {}, wallMs?: () => number) {
  const terminal = recordedTerminal();
  const clock = wallMs === undefined ? systemClock : { ...systemClock, wallMs };
  const file = path.join(folder, 'interlock.yaml');
  const code = await runDoctor({ config: file, json: true, ...options }, terminal, clock);
  const { status, checks } = report.parse(JSON.parse(terminal.said.join('')));
  const about = (name: string) => checks.filter(({ check }) => check === name);
  return { code, status, checks, about };
}

function folderWith(config: Doc = {}, more: { limits?: Doc; configText?: string } = {}): string {
  const folder = temporaryFolder();
  writeGateFiles(folder, {
    executor: executorUrl,
    config: { listen: `127.0.0.1:${new URL(closedUrl).port}`, ...config },
    ...more,
  });
  for (const name of ['interlock.yaml', 'limits.yaml']) chmodSync(path.join(folder, name), 0o644);
  return folder;
}

/** The bundle that ships, as a folder that only its owner may write. */
async function unpackShipped(folder: string): Promise<void> {
  const shipped = new URL('../../../policies/bundle.tar.gz', import.meta.url);
  for (const [name, bytes] of (await unpackArchive(readFileSync(shipped))).files) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true, mode: 0o755 });
    writeFileSync(path.join(folder, name), bytes, { mode: 0o644 });
  }
}

/** A checkpoint of entry 5 with its key, altered after that. */
function signIn(folder: string, altered: { readonly seq?: number } = {}): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const head = { seq: 5, hash: sha256('5') };
  const signer = { privateKey, key: publicKeyName(publicKey) };
  const signed = signCheckpoint(head, '2026-11-22T15:04:05.678Z', signer);
  writeFileSync(path.join(folder, 'checkpoints.ndjson.key'), pem, { mode: 0o600 });
  writeFileSync(path.join(folder, 'checkpoints.ndjson'), `${checkpointLine({ ...signed, ...altered })}\n`);
}

describe('a configuration that no gate ran with yet', () => {
  test('is well, and nothing is made', async () => {
    const folder = folderWith();
    const { code, status, checks, about } = await examine(folder);
    expect(checks.filter(one => one.status !== 'ok')).toEqual([]);
    expect(about('checkpoints')[0]?.what).toMatch(/none in .* yet: .*`serve --restored unsigned`/);
    expect({ code, status }).toEqual({ code: 0, status: 'ok' });
    expect(statSync(path.join(folder, 'store'), { throwIfNoEntry: false })).toBeUndefined();
    expect(heard).toBe('');
  });

  test('that is broken fails line by line', async () => {
    const folder = folderWith({}, { configText: 'listen: x\nstore: ""\n' });
    const { code, about } = await examine(folder);
    expect(code).toBe(1);
    expect(about('config').map(({ what }) => what)).toContainEqual(
      expect.stringMatching(/interlock\.yaml:1: listen: must be/),
    );
  });

  test('that is not there is wrong use, and so is an address that is none', async () => {
    await expect(examine('/nowhere')).rejects.toThrow(FileError);
    await expect(examine(folderWith(), { url: 'gate' })).rejects.toThrow(UsageError);
  });

  test.each<[string, string, (folder: string) => void, string, RegExp]>([
    [
      'limits that are broken',
      'fail',
      f => writeFileSync(path.join(f, 'limits.yaml'), 'actions: 1'),
      'limits',
      /limits\.yaml:1/,
    ],
    [
      'limits that all may change',
      'fail',
      f => chmodSync(path.join(f, 'limits.yaml'), 0o666),
      'permissions',
      /anybody .* may change/,
    ],
    [
      'limits that the group may change',
      'warn',
      f => chmodSync(path.join(f, 'limits.yaml'), 0o664),
      'permissions',
      /whole group/,
    ],
    [
      'a folder in which all may put other limits',
      'fail',
      f => chmodSync(f, 0o777),
      'permissions',
      /anybody .* may change \S+$/,
    ],
    [
      'a bundle that all may change',
      'fail',
      f => chmodSync(path.join(f, 'bundle', 'data.json'), 0o666),
      'permissions',
      /anybody .* may change .*data\.json/,
    ],
    [
      'a folder of a bundle that the group may change',
      'warn',
      f => chmodSync(path.join(f, 'bundle'), 0o775),
      'permissions',
      /whole group may change .*bundle$/,
    ],
    [
      'a key that all may change and nobody read',
      'fail',
      f => {
        writeFileSync(path.join(f, 'checkpoints.ndjson.key'), '');
        chmodSync(path.join(f, 'checkpoints.ndjson.key'), 0o602);
      },
      'permissions',
      /anybody .* may change the key/,
    ],
    [
      'a kill file that is there',
      'warn',
      f => writeFileSync(path.join(f, 'KILL'), ''),
      'kill file',
      /forward nothing/,
    ],
    [
      'checkpoints without their key',
      'fail',
      f => writeFileSync(path.join(f, 'checkpoints.ndjson.pub'), 'x'),
      'checkpoints',
      /\.key is gone/,
    ],
    [
      'a key without checkpoints',
      'fail',
      f => {
        const { privateKey } = generateKeyPairSync('ed25519');
        const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
        writeFileSync(path.join(f, 'checkpoints.ndjson.key'), pem, { mode: 0o600 });
      },
      'checkpoints',
      /holds no checkpoint, and \S+\.key is there: what it signed is lost/,
    ],
    [
      'a checkpoint that was altered',
      'fail',
      f => signIn(f, { seq: 4 }),
      'checkpoints',
      /The checkpoint of entry 4 in .* was altered/,
    ],
    [
      'a database that is empty where another was signed',
      'fail',
      f => signIn(f),
      'checkpoints',
      /the database is empty, and entry 5 was signed of another/,
    ],
  ])('is told of %s', async (_, status, spoil, check, what) => {
    const folder = folderWith({ policies: './bundle' });
    await unpackShipped(path.join(folder, 'bundle'));
    spoil(folder);
    const { about, status: worst, code } = await examine(folder);
    expect(about(check)).toContainEqual(
      expect.objectContaining({ status, what: expect.stringMatching(what), todo: expect.any(String) }),
    );
    expect(worst).toBe(status);
    expect(code).toBe(status === 'fail' ? 1 : 0);
  });

  test('is told of an action without limits', async () => {
    const folder = folderWith({ actions: { 'a.one': {}, 'a.two': {}, 'a.three': {} } });
    writeFileSync(path.join(folder, 'limits.yaml'), JSON.stringify({ actions: { 'a.three': wideLimits } }));
    const { about } = await examine(folder);
    expect(about('limits')[0]).toMatchObject({
      status: 'warn',
      what: expect.stringContaining('a.one and a.two'),
    });
  });

  test('is told of a key that others may read, and of one that goes in clear', async () => {
    const folder = folderWith();
    const key = path.join(folder, 'tool.key');
    writeFileSync(key, 'secret-of-the-tool');
    chmodSync(key, 0o644);
    writeGateFiles(folder, {
      config: {
        actions: { 'test.act': { executor: { url: 'http://192.0.2.1:9/act', bearer_file: './tool.key' } } },
      },
    });
    const { checks } = await examine(folder);
    const told = JSON.stringify(checks);
    expect(told).toContain('anybody on this machine may read the key in');
    expect(told).toContain('goes to 192.0.2.1:9 unencrypted');
    expect(told).not.toContain('secret-of-the-tool');
  });
});

describe('an executor', () => {
  test('that takes no connection fails', async () => {
    const folder = folderWith({ actions: { 'test.act': { executor: { url: closedUrl } } } });
    expect((await examine(folder)).about('executor')).toEqual([
      expect.objectContaining({ status: 'fail', what: expect.stringContaining('ECONNREFUSED') }),
    ]);
  });

  test('that speaks no TLS where it should fails, and gets no request', async () => {
    const url = executorUrl.replace('http:', 'https:');
    executor.once('connection', socket =>
      setTimeout(() => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 50),
    );
    const folder = folderWith({ actions: { 'test.act': { executor: { url } } } });
    expect((await examine(folder)).about('executor')[0]?.status).toBe('fail');
    expect(heard).not.toContain('POST');
  });
});

describe('an embedded store that another process holds', () => {
  test('is not opened, and its gate must answer', async () => {
    const folder = folderWith();
    const store = path.join(folder, 'store');
    mkdirSync(path.join(store, 'data'), { recursive: true });
    const lock = await lockFolder(store);
    try {
      const { about, code } = await examine(folder);
      expect(about('database')[0]).toMatchObject({
        status: 'ok',
        what: expect.stringContaining('is held by'),
      });
      expect(about('gate')[0]).toMatchObject({
        status: 'fail',
        what: expect.stringContaining('no gate answers'),
      });
      expect(code).toBe(1);
    } finally {
      await lock.release();
    }
  });
});

test('a gate whose port the system chose must be named', async () => {
  const { about, code } = await examine(folderWith({ listen: '127.0.0.1:0' }));
  expect(about('gate')[0]).toMatchObject({ status: 'unknown' });
  expect(code).toBe(3);
  expect(urlOf({ listen: { host: '0.0.0.0', port: 1 } })).toBe('http://127.0.0.1:1');
  expect(urlOf({ listen: { host: '::', port: 1 } })).toBe('http://[::1]:1');
});

test('a gate that was named and does not answer fails', async () => {
  const { about, code } = await examine(folderWith(), { url: closedUrl });
  expect(about('gate')[0]).toMatchObject({ status: 'fail', what: expect.stringContaining('ECONNREFUSED') });
  expect(code).toBe(1);
});

describe('a key that its group may read', () => {
  const keyOf = (mode: number) => {
    const folder = folderWith();
    const key = path.join(folder, 'checkpoints.ndjson.key');
    writeFileSync(key, '');
    chmodSync(key, mode);
    const { uid, gid } = statSync(key);
    return { config: readConfig(path.join(folder, 'interlock.yaml')), own: { uid, gid } };
  };
  const ofKey = (config: Config, user: GateUser) =>
    checkPermissions(config, user).filter(({ what }) => what.includes('key in'));

  test('is well where the gate may read it by that alone', () => {
    const { config, own } = keyOf(0o640);
    expect(ofKey(config, { ...own, uid: own.uid + 1 })).toEqual([]);
  });

  test('is else to be looked at, and the remedy never takes it from the gate', () => {
    const { config, own } = keyOf(0o640);
    const user = { uid: 4711, gid: own.gid + 1 };
    expect(ofKey(config, user)).toMatchObject([
      {
        status: 'warn',
        todo: expect.stringMatching(/^let the gate's user own it \(chown\), then chmod 600 /),
      },
    ]);
  });

  test('fails where others may read it too, by the same remedy', () => {
    const { config, own } = keyOf(0o644);
    expect(ofKey(config, { ...own, uid: own.uid + 1 })).toMatchObject([
      { status: 'fail', todo: expect.stringMatching(/own it \(chown\), then chmod 600 .*replace the key$/) },
    ]);
  });
});

test.each([
  ['another program', 200, {}],
  ['a redirect', 302, { location: 'http://127.0.0.1:1/readyz/decide' }],
])('%s that answers is not taken for a gate', async (_, status, headers) => {
  const asked: (string | undefined)[] = [];
  const server = createHttpServer((req, res) => {
    asked.push(req.url);
    res.writeHead(status, headers).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${portOf(server)}/behind`;
    const { about, code } = await examine(folderWith(), { url });
    expect(about('gate')).toEqual([
      expect.objectContaining({
        status: 'unknown',
        what: `${url} answers ${status}, and not as a gate does`,
      }),
    ]);
    expect(code).toBe(3);
    expect(asked).toEqual(['/behind/readyz/decide']);
  } finally {
    server.close();
  }
});

describe('a gate with TLS', () => {
  const pair = selfSigned('gate.example', { ca: true });
  const folderWithTls = (port: number, more: Doc = {}, publicUrl?: string): string => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'gate.crt'), pair.cert);
    writeFileSync(path.join(folder, 'gate.key'), pair.key, { mode: 0o600 });
    const tls = { cert: './gate.crt', key: './gate.key', ...more };
    writeGateFiles(folder, {
      executor: executorUrl,
      config: { listen: `127.0.0.1:${port}`, tls, ...(publicUrl !== undefined && { public_url: publicUrl }) },
    });
    return folder;
  };

  test('is asked where it listens, and not at the address that it shares with others', async () => {
    const answering = (what: object) =>
      createTlsServer(pair, (_req, res) => res.end(JSON.stringify(what))).listen(0, '127.0.0.1');
    const fine = { ok: true };
    const checks = { process: fine, database: fine, policy: fine, clock: fine, kinds: {} };
    const stale = answering({ checks: { ...checks, policy: { ok: false, detail: 'stale' } } });
    const other = answering({ checks });
    await Promise.all([once(stale, 'listening'), once(other, 'listening')]);
    try {
      const folder = folderWithTls(portOf(stale), {}, `https://localhost:${portOf(other)}`);
      const { about } = await examine(folder, { ca: path.join(folder, 'gate.crt') });
      expect(about('gate')).toEqual([
        expect.objectContaining({
          status: 'fail',
          what: `https://127.0.0.1:${portOf(stale)}: policy: stale`,
        }),
      ]);
    } finally {
      stale.close();
      other.close();
    }
  });

  test.each([
    ['whose certificate is not trusted here', {}, /certificate/],
    ['that wants certificates of clients', { client_ca: './gate.crt' }, /hears only who shows a certificate/],
  ])('%s is not said not to run', async (_, more, what) => {
    const server = createTlsServer(pair, (_req, res) => res.end('{}')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { about, code } = await examine(folderWithTls(portOf(server), more));
      expect(about('gate')).toEqual([
        expect.objectContaining({ status: 'unknown', what: expect.stringMatching(what) }),
      ]);
      expect(code).toBe(3);
    } finally {
      server.close();
    }
  });

  test('is asked by TLS, and where clients reach it', async () => {
    const { about, code } = await examine(folderWithTls(Number(new URL(closedUrl).port)));
    expect(about('gate')[0]).toMatchObject({
      status: 'ok',
      what: expect.stringMatching(/^no gate runs at https:/),
    });
    expect(code).toBe(0);
    const listen = { host: '0.0.0.0', port: 7070 };
    const tls = { pem: pair, expiresMs: 0 };
    expect(urlOf({ listen, tls })).toBe('https://127.0.0.1:7070');
    expect(urlOf({ listen, tls, publicUrl: 'https://gate.example/g' })).toBe('https://gate.example/g');
    expect(urlOf({ listen, publicUrl: 'https://gate.example/g' })).toBe('http://127.0.0.1:7070');
  });
});

test('a port that hangs up is not said to be without a gate', async () => {
  const hangUp = createServer(socket => socket.destroy()).listen(0, '127.0.0.1');
  await once(hangUp, 'listening');
  try {
    const { about } = await examine(folderWith({ listen: `127.0.0.1:${portOf(hangUp)}` }));
    expect(about('gate')[0]).toMatchObject({ status: 'unknown' });
  } finally {
    hangUp.close();
  }
});

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1536 * 1024 * 1024, '1.5 GiB'],
  [200 * 1024 ** 3, '200 GiB'],
])('%d bytes read %s', (bytes, expected) => {
  expect(showBytes(bytes)).toBe(expected);
});

describeWithPostgres('a PostgreSQL server', () => {
  let database: FreshDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(async () => await database.drop());

  test('is told with its version, its migrations, its clock and what it lacks', async () => {
    const { about, code } = await examine(folderWith({ store: database.url }));
    expect(about('database')[0]).toMatchObject({
      status: 'ok',
      what: expect.stringMatching(/^PostgreSQL \d+/),
    });
    expect(about('migrations')[0]).toMatchObject({ status: 'ok' });
    expect(about('clock')[0]).toMatchObject({ status: 'ok' });
    expect(about('inventory')[0]).toMatchObject({
      status: 'fail',
      what: expect.stringContaining('was ever loaded'),
    });
    expect(code).toBe(1);
  });

  test('whose clock is elsewhere fails', async () => {
    const folder = folderWith({ store: database.url });
    const { about } = await examine(folder, {}, () => Date.now() + 3_600_000);
    expect(about('clock')[0]).toMatchObject({
      status: 'fail',
      what: expect.stringMatching(/ (1h|59m 59s) behind /),
    });
  });

  test('whose clock is elsewhere is worth a look where a gate decides by it: its time was accepted', async () => {
    const ok = { ok: true };
    const checks = { process: ok, database: ok, policy: ok, clock: ok, kinds: {} };
    const gate = createHttpServer((_req, res) => res.end(JSON.stringify({ ready: true, checks })));
    gate.listen(0, '127.0.0.1');
    await once(gate, 'listening');
    const url = `http://127.0.0.1:${portOf(gate)}`;
    const folder = folderWith({ store: database.url });
    const { about } = await examine(folder, { url }, () => Date.now() + 3_600_000);
    expect(about('clock')).toEqual([
      {
        ...{ check: 'clock', status: 'warn' },
        what: expect.stringMatching(/behind .*; the gate that runs decides all the same/),
        todo: expect.stringContaining('one that starts would decide nothing'),
      },
    ]);
    gate.close();
  });

  test('that does not answer fails, and its password is not told', async () => {
    const store = `postgres://gate:secret@127.0.0.1:${new URL(closedUrl).port}/none`;
    const { about, checks } = await examine(folderWith({ store }));
    expect(about('database')[0]).toMatchObject({
      status: 'fail',
      what: expect.stringContaining('ECONNREFUSED'),
    });
    expect(JSON.stringify(checks)).not.toContain('secret@');
    // A gate has surely run with it; that none does is no "ok".
    expect(about('gate')[0]).toMatchObject({ status: 'warn', todo: 'start it, if it should run' });
  });
});
