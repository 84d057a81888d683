import { chmodSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../support/self-signed.ts';
import { readKey } from '../../src/config/tls.ts';
import { configFolder, GOOD } from './files.ts';

const files = configFolder();
const own = selfSigned('gate.example.com');
const authority = selfSigned('clients', { ca: true });

// Whatever is too weak for TLS, both are of one pair.
const weak = selfSigned('gate.example.com', { namedCurve: 'secp128r1' });

const secret = (name: string, text: string): void => chmodSync(files.write(name, text), 0o600);

beforeAll(() => {
  files.write('gate.crt', own.cert);
  secret('gate.key', own.key);
  files.write('clients.crt', authority.cert);
  files.write('over.crt', selfSigned('gate.example.com', { to: 2021 }).cert);
  files.write('early.crt', selfSigned('gate.example.com', { from: 2048 }).cert);
  files.write('clients-over.crt', selfSigned('clients', { to: 2021, ca: true }).cert);
  files.write('none.crt', '');
  files.write('weak.crt', weak.cert);
  secret('weak.key', weak.key);
  files.write('chain-over.crt', own.cert + selfSigned('between', { to: 2021, ca: true }).cert);
  files.write('broken.crt', own.cert.replace(/MII/, 'MIJ'));
  secret('other.key', authority.key);
  secret('none.key', 'k-0123\n');
  secret('locked.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n');
  chmodSync(files.write('open.key', own.key), 0o644);
});
afterAll(() => files.remove());

const withTop = (line: string, listen = '10.0.0.5:7070'): string =>
  GOOD.replace('listen: 127.0.0.1:7070', `listen: ${listen}\n${line}`);

describe('a certificate', () => {
  test('and its key are read, and let the gate listen beyond this machine', () => {
    const { tls } = files.read(withTop('tls: { cert: gate.crt, key: ./gate.key }'));
    expect(tls?.pem).toEqual(own);
    expect(new Date(tls?.expiresMs ?? 0).getUTCFullYear()).toBe(2049);
  });

  test('is over when the first of its chain is', () => {
    files.write('chain.crt', own.cert + selfSigned('between', { to: 2040, ca: true }).cert);
    const { tls } = files.read(withTop('tls: { cert: chain.crt, key: gate.key }'));
    expect(new Date(tls?.expiresMs ?? 0).getUTCFullYear()).toBe(2040);
  });

  test('of clients is asked for where somebody is named who signs them', () => {
    const text = withTop('tls: { cert: gate.crt, key: gate.key, client_ca: clients.crt }');
    expect(files.read(text).tls?.pem.ca).toBe(authority.cert);
  });

  test('may have a key that its group reads', () => {
    chmodSync(files.write('group.key', own.key), 0o640);
    expect(files.read(withTop('tls: { cert: gate.crt, key: group.key }')).tls).toBeDefined();
  });

  test.each([
    ['nothing at all', 'tls:', /^2: tls: is empty$/],
    [
      'a key that no client takes',
      'tls: { cert: weak.crt, key: weak.key }',
      /^2: tls: cannot be used: .*too small/,
    ],
    ['no certificate', 'tls: { key: gate.key }', /^2: tls\.cert: is missing/],
    ['a word', 'tls: on', /^2: tls: must be a map$/],
    ['an unknown field', 'tls: { cert: gate.crt, key: gate.key, ca: x }', /^2: tls\.ca: is not known here/],
    ['no key', 'tls: { cert: gate.crt }', /^2: tls\.key: is missing/],
    ['a blank file', 'tls: { cert: " ", key: gate.key }', /^2: tls\.cert: must be a path/],
    ['a missing file', 'tls: { cert: no.crt, key: gate.key }', /^2: tls\.cert: cannot be read: ENOENT/],
    ['a folder', 'tls: { cert: ., key: gate.key }', /^2: tls\.cert: cannot be read: it is a folder/],
    ['an empty file', 'tls: { cert: none.crt, key: gate.key }', /^2: tls\.cert: must hold certificates/],
    ['a broken file', 'tls: { cert: broken.crt, key: gate.key }', /^2: tls\.cert: .*cannot be read/],
    [
      'an expired one',
      'tls: { cert: over.crt, key: gate.key }',
      /^2: tls\.cert: .* expired at Jan {2}1 .* 2021/,
    ],
    ['one of the future', 'tls: { cert: early.crt, key: gate.key }', /^2: tls\.cert: .* is not valid before/],
    ['an expired link', 'tls: { cert: chain-over.crt, key: gate.key }', /^2: tls\.cert: .*between expired/],
    ['a key that is none', 'tls: { cert: gate.crt, key: none.key }', /^2: tls\.key: must hold a private key/],
    ['the key of another', 'tls: { cert: gate.crt, key: other.key }', /^2: tls\.key: is not the key of/],
    [
      'a locked key',
      'tls: { cert: gate.crt, key: locked.key }',
      /^2: tls\.key: is protected by a passphrase/,
    ],
    ['a key for all', 'tls: { cert: gate.crt, key: open.key }', /^2: tls\.key: .*mode 0644\): chmod 600/],
    [
      'clients by a leaf',
      'tls: { cert: gate.crt, key: gate.key, client_ca: gate.crt }',
      /^2: tls\.client_ca: .* is not a certificate authority/,
    ],
    [
      'clients by who is over',
      'tls: { cert: gate.crt, key: gate.key, client_ca: clients-over.crt }',
      /^2: tls\.client_ca: none of its/,
    ],
    [
      'both ways of speaking',
      'tls: { cert: gate.crt, key: gate.key }\nplaintext: behind-a-proxy',
      /^3: plaintext: cannot stand beside/,
    ],
  ])('is refused with its line and path: %s', (_what, line, problem) => {
    const problems = files.problemsOf(withTop(line));
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems.join()).not.toContain('k-0123');
  });
});

describe('without a certificate', () => {
  test.each(['0.0.0.0:7070', '10.0.0.5:7070', 'gate.example.com:7070', '"[::]:7070"', '128.0.0.1:1'])(
    'a gate does not listen on %s, and says what to do',
    listen => {
      const [problem, ...more] = files.problemsOf(withTop('', listen));
      expect(more).toEqual([]);
      expect(problem).toMatch(/^1: listen: .* in the clear: .*`tls: .*`plaintext: behind-a-proxy`$/);
    },
  );

  test('it does behind a proxy that the configuration tells of, and by no other word', () => {
    expect(files.read(withTop('plaintext: behind-a-proxy')).listen.host).toBe('10.0.0.5');
    for (const word of ['yes', 'true', '""', 'behind-a-prox'])
      expect(files.problemsOf(withTop(`plaintext: ${word}`)).join()).toMatch(/plaintext: .*behind-a-proxy/);
  });
});

describe('the public URL', () => {
  test.each([
    ['https://gate.example.com/', 'https://gate.example.com'],
    ['https://Gate.example.com:8443/interlock/', 'https://gate.example.com:8443/interlock'],
    ['http://127.0.0.1:7070', 'http://127.0.0.1:7070'],
    ['"http://[::1]:7070"', 'http://[::1]:7070'],
  ])('is taken: %s', (url, expected) => {
    expect(files.read(`public_url: ${url}\n${GOOD}`).publicUrl).toBe(expected);
  });

  test.each([
    'http://gate.example.com',
    'ftp://x',
    'gate.example.com',
    'https://u:p@gate.example.com',
    'https://gate.example.com/?a=1',
    '"https://gate.example.com/#a"',
    'https://',
    '""',
    '7',
  ])('is refused: %s', url => {
    expect(files.problemsOf(`public_url: ${url}\n${GOOD}`)).toEqual([
      expect.stringMatching(/^1: public_url: must be an https URL/),
    ]);
  });
});

/** Puts one file in the place of another and back, as fast as it can. Both are there under names of their own too. */
const SWAPS = `
  const { linkSync, renameSync } = require('node:fs');
  const { workerData: { at, files } } = require('node:worker_threads');
  for (;;)
    for (const file of files) {
      linkSync(file, at + '.next');
      renameSync(at + '.next', at);
    }
`;

test('a key that others may read is refused also while another file takes its place', async () => {
  const [at, open, closed] = ['swapped.key', 'swapped-open.key', 'swapped-closed.key'].map(name =>
    files.write(name, name.includes('open') ? own.key : authority.key),
  );
  if (at === undefined || open === undefined || closed === undefined) throw new Error('a file is missing');
  chmodSync(open, 0o644);
  for (const file of [at, closed]) chmodSync(file, 0o600);
  const worker = new Worker(SWAPS, {
    eval: true,
    workerData: { at: path.resolve(at), files: [open, closed] },
  });
  const read = { open: 0, closed: 0, refused: 0 };
  const until = performance.now() + 5_000;
  while ((read.closed < 200 || read.refused < 200) && performance.now() < until) {
    await pause(0);
    try {
      read[readKey(at).pem === own.key ? 'open' : 'closed'] += 1;
    } catch {
      read.refused += 1;
    }
  }
  await worker.terminate();
  expect(read.open).toBe(0);
  expect(Math.min(read.closed, read.refused)).toBeGreaterThan(0);
});
