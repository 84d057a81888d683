import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createClient, NoAnswerError, type ClientTls } from '../../src/client/create-client.ts';
import { runProgram } from '../../src/cli/program.ts';
import { temporaryFolder } from '../config/files.ts';
import { selfSigned } from '../support/self-signed.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const files = temporaryFolder();
const gate = selfSigned('localhost');
const client = selfSigned('oncall', { ca: true });
const stranger = selfSigned('a stranger', { ca: true });

const ok = { ok: true };
const READY = { process: ok, database: ok, policy: ok, clock: ok, kinds: {} };

const received: string[] = [];
const server = createServer({ ...gate, ca: client.cert, requestCert: true }, (req, res) => {
  received.push(`${req.method} ${req.url} ${req.headers.authorization}`);
  req.resume();
  if (req.url === '/readyz/decide') res.end(JSON.stringify({ ready: true, checks: READY }));
  else if (req.url === '/v1/kill-switch' && req.method === 'GET') res.writeHead(200).end('{"engaged":[]}');
  else
    res.writeHead(201).end(
      JSON.stringify({
        ...{ id: '1', scope: {}, reason: '', except: [], engaged_at: '2026-11-28T03:00:00Z' },
        ...{ engaged_by: 'oncall', on_the_wire: [], stopped: [], took_ms: 1 },
      }),
    );
});
let url = '';
let certificate: readonly string[] = [];
const secret = (name: string, text: string): string => {
  const file = files.write(name, text);
  chmodSync(file, 0o600);
  return file;
};

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `https://localhost:${typeof address === 'object' ? address?.port : 0}`;
  files.write('gate.crt', gate.cert);
  files.write('oncall.crt', client.cert);
  files.write('stranger.crt', stranger.cert);
  files.write('over.crt', selfSigned('oncall', { to: 2021 }).cert);
  files.write('none.crt', 'nothing\n');
  secret('oncall.key', client.key);
  secret('stranger.key', stranger.key);
  chmodSync(files.write('open.key', client.key), 0o644);
  certificate = ['--ca', at('gate.crt'), '--cert', at('oncall.crt'), '--cert-key', at('oncall.key')];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  files.remove();
});
beforeEach(() => {
  received.length = 0;
  vi.stubEnv('INTERLOCK_URL', url);
  vi.stubEnv('INTERLOCK_KEY', 'ilk_secret');
  vi.stubEnv('XDG_CONFIG_HOME', files.folder);
});
afterEach(() => vi.unstubAllEnvs());

const at = (name: string): string => path.join(files.folder, name);

async function run(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

const ENGAGED = { code: 0, said: expect.stringContaining('Engaged for everything'), complained: '' };

describe('a gate that asks for a certificate is stopped', () => {
  test('with certificates that options name', async () => {
    expect(await run('kill', ...certificate)).toMatchObject(ENGAGED);
    expect(received).toEqual(['POST /v1/kill-switch Bearer ilk_secret']);
  });

  test('with those of the environment', async () => {
    vi.stubEnv('INTERLOCK_CA', at('gate.crt'));
    vi.stubEnv('INTERLOCK_CERT', at('oncall.crt'));
    vi.stubEnv('INTERLOCK_CERT_KEY', at('oncall.key'));
    expect(await run('kill')).toMatchObject(ENGAGED);
  });

  test('with those of client.yaml, whose paths are relative to it, and only by the gate that it names', async () => {
    const tls = 'ca: ../gate.crt\ncert: ../oncall.crt\ncert_key: ../oncall.key\n';
    secret('interlock/client.yaml', `url: ${url}\n${tls}`);
    expect(await run('kill')).toMatchObject(ENGAGED);
    secret('interlock/client.yaml', `url: https://gate.example.com\n${tls}`);
    expect(await run('kill')).toMatchObject({ code: 3 });
    rmSync(at('interlock/client.yaml'));
  });

  test('behind an address that client.yaml does not name, by its `ca` and a certificate that options name', async () => {
    secret('interlock/client.yaml', 'url: https://gate.example.com\nca: ../gate.crt\n');
    expect(await run('kill', '--url', url, ...certificate.slice(2))).toMatchObject(ENGAGED);
    rmSync(at('interlock/client.yaml'));
  });

  test.each([
    ['kill', 'status'],
    ['kill', 'status', '--json'],
  ])('and is asked by the other commands: %s %s', async (...args) => {
    expect(await run(...args, ...certificate)).toMatchObject({ code: 0 });
  });
});

describe('without the right ones nothing was engaged, and it is said why', () => {
  test('where nobody says whom to believe', async () => {
    const { code, complained } = await run('kill');
    expect(code).toBe(3);
    expect(complained).toContain('its certificate is signed by nobody who is known here');
    expect(complained).toContain('--ca FILE');
    expect(complained).toContain('Nothing was engaged.');
    expect(complained).not.toContain('attempts');
  });

  test.each([
    ['none is shown', []],
    ['that of a stranger is shown', ['--cert', 'stranger.crt', '--cert-key', 'stranger.key']],
  ])('where %s', async (_, args) => {
    const named = args.map(arg => (arg.startsWith('--') ? arg : at(arg)));
    const { code, complained } = await run('kill', '--ca', at('gate.crt'), ...named);
    expect(code).toBe(3);
    expect(complained).toMatch(/client certificate/);
    expect(received).toEqual([]);
  });

  test.each<[string, string[], RegExp]>([
    ['a key that everybody may read', ['oncall.crt', 'open.key'], /open\.key: may be used by every user/],
    ['a key of another', ['oncall.crt', 'stranger.key'], /stranger\.key: is not the key of the certificate/],
    ['a certificate that is over', ['over.crt', 'oncall.key'], /over\.crt: the certificate of .* expired/],
    ['a certificate that is none', ['none.crt', 'oncall.key'], /none\.crt: must hold certificates/],
    ['a key that is not there', ['oncall.crt', 'no.key'], /no\.key: cannot be read: ENOENT/],
  ])('where %s is named: wrong use', async (_, [cert = '', key = ''], expected) => {
    const { code, complained } = await run('kill', '--cert', at(cert), '--cert-key', at(key));
    expect(code).toBe(2);
    expect(complained).toMatch(expected);
    expect(complained).toContain('Nothing was engaged.');
  });

  test.each([
    ['one without the other', ['--cert', 'oncall.crt'], /a certificate and its key go together/],
    [
      'certificates for a gate without TLS',
      ['--ca', 'gate.crt', '--url', 'http://127.0.0.1:1'],
      /are for https/,
    ],
  ])('where there is %s: wrong use', async (_, args, expected) => {
    const named = args.map(arg => (arg.includes('.crt') ? at(arg) : arg));
    const { code, complained } = await run('kill', ...named);
    expect(code).toBe(2);
    expect(complained).toMatch(expected);
  });

  test('where a variable is set and blank: wrong use', async () => {
    vi.stubEnv('INTERLOCK_CA', ' ');
    const { code, complained } = await run('kill');
    expect(code).toBe(2);
    expect(complained).toContain('INTERLOCK_CA is set, but blank');
  });
});

test('a program of its own shows them by `tls`', async () => {
  const called = async (tls: ClientTls): Promise<unknown> =>
    await createClient({ url, key: 'ilk_secret', tls, patience: { attempts: 1 } }).readyToDecide();
  expect(await called({ ca: gate.cert, ...client })).toMatchObject({ ready: true });
  await expect(called({ ca: gate.cert })).rejects.toThrow(NoAnswerError);
  await expect(called(client)).rejects.toThrow(NoAnswerError);
});

test('doctor asks such a gate with them, for what it says and for the key', async () => {
  const { said } = await run('doctor', ...certificate);
  expect(said).toContain(`${url} answers, and can decide`);
  // The key is tried on the same line.
  expect(received).toContain('GET /v1/budgets Bearer ilk_secret');
  const { said: without } = await run('doctor', '--ca', at('gate.crt'));
  expect(without).not.toContain('can decide');
  // Whom to believe is in client.yaml for who has no key, too.
  vi.stubEnv('INTERLOCK_KEY', undefined);
  secret('interlock/client.yaml', 'url: https://gate.example.com\nca: ../gate.crt\n');
  const { said: keyless } = await run('doctor', '--url', url, ...certificate.slice(2));
  expect(keyless).toContain(`${url} answers, and can decide`);
  rmSync(at('interlock/client.yaml'));
});
