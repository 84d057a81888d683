import { createPublicKey, type KeyObject } from 'node:crypto';

import { judgeCheckpoint, publicKeyName, parseCheckpoint } from '../checkpoint/checkpoint.ts';
import { judgeStepBack, parseStepBack } from '../checkpoint/step-back.ts';
import type { Signed } from './verify-step-back.ts';

/** Who signed: an Ed25519 public key, and the name that checkpoints give it. */
export interface PublicKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** What a known key signed; or why a line is nothing of that, as a sentence. */
export type CheckpointLine = Signed | { readonly problem: string };

/** @returns undefined if the text holds no Ed25519 public key (SPKI PEM) */
export function readPublicKey(pem: string): PublicKey | undefined {
  // A private key would give its public one; but who verifies must not need it, so naming it is a mistake.
  if (!pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    const key = createPublicKey(pem);
    return { id: publicKeyName(key), key };
  } catch {
    return undefined;
  }
}

/** Reads one line of the checkpoints, which is believed only if one of the keys signed it. */
export function readCheckpointLine(line: string, keys: ReadonlyMap<string, KeyObject>): CheckpointLine {
  const checkpoint = parseCheckpoint(line);
  const stepBack = parseStepBack(line);
  const name = (checkpoint ?? stepBack)?.key;
  if (name === undefined) return { problem: 'is not a checkpoint' };
  const key = keys.get(name);
  if (key === undefined)
    return {
      problem: `was signed with the key ${name}, which is not among those given: name its public key too (--key), if a gate of this store has signed with it`,
    };
  if (checkpoint !== undefined && judgeCheckpoint(checkpoint, key) === 'good') {
    const { at, seq, hash } = checkpoint;
    return { anchor: { at, seq, hash }, key: name };
  }
  if (stepBack !== undefined && judgeStepBack(stepBack, key) === 'good') {
    const { at, held, from, to } = stepBack;
    return { anchor: { at, ...to }, stepBack: { at, held, from }, key: name };
  }
  return { problem: 'has a wrong signature' };
}
