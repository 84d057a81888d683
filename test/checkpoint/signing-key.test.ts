import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  makeSigningKey,
  readSigningKey,
  showPublicKey,
  type SigningKey,
} from '../../src/checkpoint/signing-key.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/store.ts';

let folder: TemporaryFolder;
let file = '';
beforeEach(async () => {
  folder = await temporaryFolder();
  file = path.join(folder.path, 'checkpoints.ndjson');
});
afterEach(async () => await folder.remove());

const textOf = (end: string): string => readFileSync(`${file}${end}`, 'utf8');

const make = async (): Promise<SigningKey> => {
  const key = await makeSigningKey(file);
  await showPublicKey(file, key);
  return key;
};

describe('the key of checkpoints', () => {
  it('is made once, for its owner alone, with its public half beside it and nothing else', async () => {
    expect(await readSigningKey(file)).toBeUndefined();
    const made = await make();
    expect(readdirSync(folder.path).toSorted()).toEqual(['checkpoints.ndjson.key', 'checkpoints.ndjson.pub']);
    expect(statSync(`${file}.key`).mode & 0o777).toBe(0o600);
    const before = [textOf('.key'), textOf('.pub')];
    expect(before[0]).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(before[1]).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect((await make()).key).toBe(made.key);
    expect([textOf('.key'), textOf('.pub')]).toEqual(before);
  });

  it('is one, however many gates make it at once', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, async () => await make()));
    expect(new Set(made.map(({ key }) => key)).size).toBe(1);
    expect(readdirSync(folder.path)).toHaveLength(2);
  });

  it('whose public half is not there yet, after a crash, gets it', async () => {
    await make();
    const publicText = textOf('.pub');
    rmSync(`${file}.pub`);
    await make();
    expect(textOf('.pub')).toBe(publicText);
  });

  it.each([
    ['is empty', () => ''],
    ['is half written', (text: string) => text.slice(0, 60)],
    ['is no key', () => 'a secret that must not be told'],
    [
      'is of another kind',
      () =>
        generateKeyPairSync('ec', { namedCurve: 'P-256' })
          .privateKey.export({ type: 'pkcs8', format: 'pem' })
          .toString(),
    ],
  ])('that %s is refused in a sentence, and not written over', async (_title, change) => {
    await make();
    const changed = change(textOf('.key'));
    writeFileSync(`${file}.key`, changed);
    await expect(make()).rejects.toThrow(`${file}.key does not hold an Ed25519 key in PKCS8 PEM`);
    await expect(make()).rejects.not.toThrow('secret');
    expect(textOf('.key')).toBe(changed);
  });

  it('with the public half of another one is refused in a sentence, and neither is written over', async () => {
    await make();
    const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    writeFileSync(`${file}.pub`, other);
    await expect(make()).rejects.toThrow(`${file}.pub does not belong to ${file}.key`);
    expect(textOf('.pub')).toBe(other);
  });

  it('that is gone while its public half is there is not made anew', async () => {
    await make();
    rmSync(`${file}.key`);
    await expect(make()).rejects.toThrow(`${file}.key is gone`);
    expect(readdirSync(folder.path)).toEqual(['checkpoints.ndjson.pub']);
  });

  it('that cannot be read is refused', async () => {
    await make();
    rmSync(`${file}.key`);
    mkdirSync(`${file}.key`);
    await expect(make()).rejects.toThrow(`${file}.key cannot be read`);
  });
});
