import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAccess, type AccessOptions } from '../../src/config/client-settings.ts';
import { UsageError, type TlsFiles } from '../../src/config/environment.ts';
import { temporaryFolder } from '../support/store.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder.remove();
});

const accessWith = (content: string, mode = 0o600) => {
  const keyFile = path.join(folder.path, 'key');
  writeFileSync(keyFile, content);
  chmodSync(keyFile, mode);
  return findAccess({ url: 'http://127.0.0.1:7070', keyFile }, {});
};

it('a key file is read whole, without the white space around the key', () => {
  expect(accessWith('  the-key\n').key).toBe('the-key');
  expect(accessWith('k'.repeat(4096)).key).toHaveLength(4096);
});

it.each([
  ['empty', ''],
  ['blank', ' \n'],
  ['of two words', 'the key'],
  ['not ASCII', 'sch\u00fcssel'],
  ['too long: no part of it is taken for the key', 'k'.repeat(4097)],
])('a key file is refused that is %s', (_, content) => {
  expect(() => accessWith(content)).toThrow(/^the key file .* (is empty|holds more than a key)/u);
});

it.each([0o644, 0o604, 0o602, 0o601, 0o666])(
  'a key file is refused that every user of the machine may use, and its key is not told: mode %o',
  mode => {
    const file = path.join(folder.path, 'key');
    expect(() => accessWith('ilk_secret', mode)).toThrow(UsageError);
    expect(() => accessWith('ilk_secret', mode)).toThrow(
      `the key file ${file} may be used by every user of this machine (mode 0${mode.toString(8)}): chmod 600 ${file}`,
    );
    expect(() => accessWith('ilk_secret', mode)).not.toThrow(/ilk_secret/u);
  },
);

it('a key file may be read by its group', () => {
  expect(accessWith('the-key\n', 0o640).key).toBe('the-key');
});

it('a key file that client.yaml names is held to the same', () => {
  const settings = path.join(folder.path, 'interlock');
  mkdirSync(settings);
  writeFileSync(path.join(settings, 'client.yaml'), 'url: http://127.0.0.1:7070\nkey_file: ./own.key\n', {
    mode: 0o600,
  });
  const own = path.join(settings, 'own.key');
  writeFileSync(own, 'ilk_secret');
  const access = () => findAccess({}, { settingsFolder: folder.path });
  chmodSync(own, 0o644);
  expect(access).toThrow(/own\.key may be used by every user of this machine \(mode 0644\)/u);
  chmodSync(own, 0o600);
  expect(access().key).toBe('ilk_secret');
});

describe('client.yaml, where another gate is named than the one in it', () => {
  const accessTo = (url: string, named: AccessOptions = {}, tls?: TlsFiles) => {
    const settingsFolder = path.join(folder.path, 'settings');
    mkdirSync(path.join(settingsFolder, 'interlock'), { recursive: true });
    const text = 'url: https://gates\nkey: ilk_secret\nca: ./ca.crt\ncert: ./me.crt\ncert_key: ./me.key\n';
    writeFileSync(path.join(settingsFolder, 'interlock', 'client.yaml'), text, { mode: 0o600 });
    return findAccess({ url, ...named }, { key: 'given', settingsFolder, ...(tls && { tls }) });
  };
  const inFolder = (name: string): string => path.join(folder.path, 'settings', 'interlock', name);

  it('says whom to believe, and shows neither its key nor its certificate', () => {
    expect(accessTo('https://gate-1')).toEqual({
      url: 'https://gate-1',
      key: 'given',
      tls: { ca: inFolder('ca.crt') },
    });
  });

  it('says nothing of a gate without TLS', () => {
    expect(accessTo('http://gate-1')).toEqual({ url: 'http://gate-1', key: 'given' });
  });

  it('shows its certificate to the gate that it names', () => {
    const tls = { ca: inFolder('ca.crt'), cert: inFolder('me.crt'), certKey: inFolder('me.key') };
    expect(accessTo('https://gates').tls).toEqual(tls);
  });

  const own = { cert: 'own.crt', certKey: 'own.key' };

  it('says whom to believe to who shows a certificate of another place', () => {
    expect(accessTo('https://gate-1', own).tls).toEqual({ ...own, ca: inFolder('ca.crt') });
    expect(accessTo('https://gate-1', {}, own).tls).toEqual({ ...own, ca: inFolder('ca.crt') });
  });

  it('says it last: after the command line, and after the environment', () => {
    expect(accessTo('https://gate-1', { ...own, ca: 'named.crt' }, { ca: 'env.crt' }).tls).toEqual({
      ...own,
      ca: 'named.crt',
    });
    expect(accessTo('https://gate-1', own, { ca: 'env.crt', cert: 'env.crt' }).tls).toEqual({
      ...own,
      ca: 'env.crt',
    });
  });

  it('shows no certificate beside an authority that the command line names', () => {
    expect(accessTo('https://gates', { ca: 'named.crt' }).tls).toEqual({ ca: 'named.crt' });
  });

  it('keeps nobody from a gate who needs nothing else of it, where it is broken', () => {
    const settingsFolder = path.join(folder.path, 'broken');
    mkdirSync(path.join(settingsFolder, 'interlock'), { recursive: true });
    writeFileSync(path.join(settingsFolder, 'interlock', 'client.yaml'), 'ca: [\n', { mode: 0o600 });
    const access = findAccess({ url: 'https://gate-1', ...own }, { key: 'given', settingsFolder });
    expect(access.tls).toEqual(own);
  });
});
