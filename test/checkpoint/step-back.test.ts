import { generateKeyPairSync, verify } from 'node:crypto';
import canonicalize from 'canonicalize';
import { describe, expect, it } from 'vitest';
import { parseCheckpoint, publicKeyName, signCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { judgeStepBack, parseStepBack, signStepBack, stepBackLine } from '../../src/checkpoint/step-back.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signer = { privateKey, key: publicKeyName(publicKey) };
const hashOf = (digits: string): string => `sha256:${digits.repeat(16)}`;
const at = '2026-11-22T15:04:05.678Z';
const said = {
  at,
  held: 12,
  from: { at: '2026-11-22T14:00:00.000Z', seq: 41, hash: hashOf('0af1') },
  to: { seq: 17, hash: hashOf('0bf2') },
};
const signed = signStepBack(said, signer);
const line = stepBackLine(signed);
const inside = { at, held: said.held, from: said.from, to: said.to, key: signer.key };
const written = (changed: object): string =>
  JSON.stringify({ signature: signed.signature, step_back: { ...inside, ...changed } });

describe('a line of a step back', () => {
  it.each([
    ['is empty', ''],
    ['is cut off', line.slice(0, -1)],
    ['has something behind it', `${line} `],
    ['lacks its signature', JSON.stringify({ step_back: inside })],
    ['says more', written({ more: 1 })],
    ['says more beside it', line.replace('{', '{"more":1,')],
    ['says a name twice', line.replace('"held":12', '"held":11,"held":12')],
    ['is written in another order', JSON.stringify({ step_back: inside, signature: signed.signature })],
    ['holds all that it goes on with, and that is its word too', written({ held: 17 })],
    ['holds less than nothing', written({ held: -1 })],
    ['steps back to no entry', written({ to: { ...said.to, seq: 0 } })],
    ['gives up half an entry', written({ from: { ...said.from, seq: 41.5 } })],
    ['has a time that there is not', written({ at: '2026-02-30T15:04:05.678Z' })],
    ['has a hash that is too short', written({ to: { ...said.to, hash: said.to.hash.slice(0, -1) } })],
    ['has a name of a key that is none', written({ key: 'A'.repeat(16) })],
    ['has a signature that is too short', line.replace(signed.signature, 'AAAA')],
  ])('is none if it %s', (_title, text) => {
    expect(text).not.toBe(line);
    expect(parseStepBack(text)).toBeUndefined();
  });

  it('is what a gate writes, reads as what was signed, and is no checkpoint', () => {
    expect(written({})).toBe(line);
    expect(parseStepBack(line)).toEqual(signed);
    expect(parseCheckpoint(line)).toBeUndefined();
  });

  it('may have gone back to nothing', () => {
    const all = signStepBack({ ...said, held: 0 }, signer);
    expect(parseStepBack(stepBackLine(all))).toEqual(all);
  });
});

describe('its signature', () => {
  it.each([
    ['another time', { at: '2026-11-22T15:04:05.679Z' }],
    ['another one that is held', { held: 11 }],
    ['another checkpoint given up', { from: { ...said.from, seq: 42 } }],
    ['another head', { to: { ...said.to, seq: 18 } }],
    ['another signature', { signature: `${'A'.repeat(85)}A==` }],
    // A head that was signed as such is no word for a step back.
    ['that of the checkpoint', { signature: signCheckpoint(said.to, at, signer).signature }],
  ])('is forged with %s', (_title, changed) => {
    expect(judgeStepBack({ ...signed, ...changed }, publicKey)).toBe('forged');
  });

  it('of another key is foreign, and forged under the name of this one', () => {
    const other = generateKeyPairSync('ed25519');
    const foreign = signStepBack(said, {
      privateKey: other.privateKey,
      key: publicKeyName(other.publicKey),
    });
    expect(judgeStepBack(foreign, publicKey)).toBe('foreign');
    expect(judgeStepBack({ ...foreign, key: signer.key }, publicKey)).toBe('forged');
  });

  it('is good as it was made, and anybody can recompute it from the format alone', () => {
    expect(judgeStepBack(signed, publicKey)).toBe('good');
    const text = canonicalize({ step_back: inside }) ?? '';
    expect(verify(null, Buffer.from(text), publicKey, Buffer.from(signed.signature, 'base64'))).toBe(true);
  });
});
