import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import canonicalize from 'canonicalize';
import { describe, expect, it } from 'vitest';
import {
  checkpointLine,
  judgeCheckpoint,
  publicKeyName,
  parseCheckpoint,
  signCheckpoint,
} from '../../src/checkpoint/checkpoint.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signer = { privateKey, key: publicKeyName(publicKey) };
const hash = `sha256:${'0af1'.repeat(16)}`;
const at = '2026-11-22T15:04:05.678Z';
const signed = signCheckpoint({ seq: 41, hash }, at, signer);
const line = checkpointLine(signed);
const parts: Readonly<Record<string, unknown>> = { ...signed };
const written = (changed: object): string => JSON.stringify({ ...parts, ...changed });

describe('a line of checkpoints', () => {
  it.each([
    ['is empty', ''],
    ['is cut off', line.slice(0, -1)],
    ['has something behind it', `${line} `],
    ['ends like a line of Windows', `${line}\r`],
    ['is no object', '[]'],
    ['lacks its signature', JSON.stringify({ at, seq: 41, hash, key: signer.key })],
    ['says more', written({ more: 1 })],
    ['says a name twice', line.replace('"seq":41', '"seq":40,"seq":41')],
    ['writes its number in another way', line.replace('"seq":41', '"seq":4.1e1')],
    ['is written in another order', JSON.stringify(Object.fromEntries(Object.entries(parts).toReversed()))],
    ['is of no entry', written({ seq: 0 })],
    ['is of half an entry', written({ seq: 41.5 })],
    ['is of more entries than can be counted', written({ seq: 2 ** 53 })],
    ['has a number as text', written({ seq: '41' })],
    ['has a hash in capitals', written({ hash: hash.replaceAll('f', 'F') })],
    ['has a hash that is too short', written({ hash: hash.slice(0, -1) })],
    ['has a time without milliseconds', written({ at: '2026-11-22T15:04:05Z' })],
    ['has a time that there is not', written({ at: '2026-02-30T15:04:05.678Z' })],
    ['has a name of a key that is none', written({ key: 'A'.repeat(16) })],
    ['has a signature that is too short', written({ signature: 'AAAA' })],
    ['has a signature with bits that mean nothing', written({ signature: `${'A'.repeat(85)}B==` })],
    ['has a signature for URLs', written({ signature: `${'-'.repeat(85)}A==` })],
  ])('is none if it %s', (_title, text) => {
    expect(parseCheckpoint(text)).toBeUndefined();
  });

  it('is what a gate writes, and reads as what was signed', () => {
    expect(line).toBe(
      `{"at":"${at}","seq":41,"hash":"${hash}","key":"${signer.key}","signature":"${signed.signature}"}`,
    );
    expect(parseCheckpoint(line)).toEqual(signed);
  });
});

describe('a signature', () => {
  it.each([
    ['another time', { at: '2026-11-22T15:04:05.679Z' }],
    ['another entry', { seq: 42 }],
    ['another hash', { hash: hash.replace('0', '1') }],
    ['another signature', { signature: `${'A'.repeat(85)}A==` }],
  ])('is forged with %s', (_title, changed) => {
    expect(judgeCheckpoint({ ...signed, ...changed }, publicKey)).toBe('forged');
  });

  it('of another key is foreign, and forged under the name of this one', () => {
    const other = generateKeyPairSync('ed25519');
    const foreign = signCheckpoint({ seq: 41, hash }, at, {
      privateKey: other.privateKey,
      key: publicKeyName(other.publicKey),
    });
    expect(judgeCheckpoint(foreign, publicKey)).toBe('foreign');
    expect(judgeCheckpoint({ ...foreign, key: signer.key }, publicKey)).toBe('forged');
    expect(judgeCheckpoint(foreign, other.publicKey)).toBe('good');
  });

  it('is good as it was made, and anybody can recompute it from the format alone', () => {
    expect(judgeCheckpoint(signed, publicKey)).toBe('good');
    const text = canonicalize({ at, hash, key: signer.key, seq: 41 }) ?? '';
    expect(verify(null, Buffer.from(text), publicKey, Buffer.from(signed.signature, 'base64'))).toBe(true);
  });

  it('names its key by the raw 32 bytes of the public half', () => {
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    expect(signer.key).toBe(createHash('sha256').update(raw).digest('hex').slice(0, 16));
  });
});
