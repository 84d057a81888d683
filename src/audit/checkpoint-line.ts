import { createPublicKey, type KeyObject } from 'node:crypto';

import { judgeCheckpoint, publicKeyName, parseCheckpoint } from '../checkpoint/checkpoint.ts';
import type { Anchor } from './verify-chain.ts';

/** Who signed: an Ed25519 public key, and the name that checkpoints give it. */
export interface PublicKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** A head that a known key signed; or why a line is none, as a sentence. */
export type CheckpointLine = Anchor | { readonly problem: string };

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
  if (checkpoint === undefined) return { problem: 'is not a checkpoint' };
  const key = keys.get(checkpoint.key);
  if (key === undefined)
    return { problem: `was signed with the key ${checkpoint.key}, which is not among those given` };
  const { at, seq, hash } = checkpoint;
  return judgeCheckpoint(checkpoint, key) === 'good'
    ? { at, seq, hash }
    : { problem: 'has a wrong signature' };
}
