import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../kit/canonical-json.ts';
import type { Anchor } from './verify-chain.ts';

/** Who signed: an Ed25519 public key, and the name that checkpoints give it. */
export interface PublicKey {
  /** First 16 hex digits of SHA-256 over the raw 32 bytes. */
  readonly id: string;
  readonly key: KeyObject;
}

/** A head that a known key signed; or why a line is none, as a sentence. */
export type CheckpointLine = Anchor | { readonly problem: string };

const lineSchema = z.strictObject({
  at: z.iso.datetime({ precision: 3 }),
  seq: z.int().positive(),
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  key: z.string().regex(/^[0-9a-f]{16}$/),
  // 64 bytes, in the one way of writing them.
  signature: z.string().regex(/^[A-Za-z0-9+/]{85}[AQgw]==$/),
});

const jwkSchema = z.object({ crv: z.literal('Ed25519'), x: z.string() });

/** @returns undefined if the text holds no Ed25519 public key (SPKI PEM) */
export function readPublicKey(pem: string): PublicKey | undefined {
  // A private key would give its public one; but who verifies must not need it, so naming it is a mistake.
  if (!pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    const key = createPublicKey(pem);
    const jwk = jwkSchema.safeParse(key.export({ format: 'jwk' }));
    if (!jwk.success) return undefined;
    const raw = Buffer.from(jwk.data.x, 'base64url');
    return { id: createHash('sha256').update(raw).digest('hex').slice(0, 16), key };
  } catch {
    return undefined;
  }
}

/** Reads one line of the checkpoints, which is believed only if one of the keys signed it. */
export function readCheckpointLine(line: string, keys: ReadonlyMap<string, KeyObject>): CheckpointLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { problem: 'is not JSON' };
  }
  const parsed = lineSchema.safeParse(json);
  if (!parsed.success) return { problem: 'is not a checkpoint' };
  const { at, seq, hash, key, signature } = parsed.data;
  const publicKey = keys.get(key);
  if (publicKey === undefined)
    return { problem: `was signed with the key ${key}, which is not among those given` };
  const signed = Buffer.from(canonicalJson({ at, hash, key, seq }));
  return verify(null, signed, publicKey, Buffer.from(signature, 'base64'))
    ? { at, seq, hash }
    : { problem: 'has a wrong signature' };
}
