import { createHash, sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../kit/canonical-json.ts';
import { parseJson } from '../kit/parse-json.ts';

/** The head of the audit chain at a moment: `seq` and `hash` of its last entry. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** A head that was signed, as it stands in one line of the file of checkpoints. */
export interface Checkpoint extends ChainHead {
  /** RFC 3339, UTC, in milliseconds, by the gate's wall clock. */
  readonly at: string;
  /** Which key signed it: see `publicKeyName`. */
  readonly key: string;
  /** Base64 of Ed25519 over the UTF-8 of the canonical JSON (RFC 8785) of {at, hash, key, seq}. */
  readonly signature: string;
}

/** `foreign`: signed by another key than this, so nothing can be said of it with this one. */
export type SignatureCheck = 'good' | 'foreign' | 'forged';

/** An Ed25519 signature has 64 bytes; the last character before the padding holds two bits of them. */
export const signatureField = z.string().regex(/^[A-Za-z0-9+/]{85}[AQgw]==$/);

export const keyField = z.string().regex(/^[0-9a-f]{16}$/);

export const timeField = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .refine(at => !Number.isNaN(Date.parse(at)) && new Date(at).toISOString() === at);

export const headFields = {
  // Before the first entry there is nothing to sign.
  seq: z.int().positive(),
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/),
};

const checkpointSchema = z.strictObject({
  at: timeField,
  ...headFields,
  key: keyField,
  signature: signatureField,
});

/** The name of a key: the first 16 hex digits of the SHA-256 over the 32 raw bytes of the public half. */
export function publicKeyName(publicKey: KeyObject): string {
  const { crv, x } = publicKey.export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new Error('a key for checkpoints is an Ed25519 key');
  return createHash('sha256').update(Buffer.from(x, 'base64url')).digest('hex').slice(0, 16);
}

const signedBytes = ({ at, seq, hash, key }: Omit<Checkpoint, 'signature'>): Buffer =>
  Buffer.from(canonicalJson({ at, hash, key, seq }), 'utf8');

/** @param signer the private key with its name */
export function signCheckpoint(
  head: ChainHead,
  at: string,
  signer: { readonly privateKey: KeyObject; readonly key: string },
): Checkpoint {
  const unsigned = { at, seq: head.seq, hash: head.hash, key: signer.key };
  const signature = sign(null, signedBytes(unsigned), signer.privateKey).toString('base64');
  return { ...unsigned, signature };
}

/** The line of a checkpoint, without its end. There is one way to write it. */
export const checkpointLine = ({ at, seq, hash, key, signature }: Checkpoint): string =>
  JSON.stringify({ at, seq, hash, key, signature });

/**
 * The checkpoint of one line, without its end; undefined for whatever is not, to the byte, what a gate writes: half a line, a
 * key that is said twice, a number written in another way. Says nothing of the signature.
 */
export function parseCheckpoint(line: string): Checkpoint | undefined {
  const { data } = checkpointSchema.safeParse(parseJson(line));
  return data !== undefined && checkpointLine(data) === line ? data : undefined;
}

/** What a public key says of a checkpoint. */
export const judgeCheckpoint = (checkpoint: Checkpoint, publicKey: KeyObject): SignatureCheck =>
  checkSignature(checkpoint, signedBytes(checkpoint), publicKey);

/** @param bytes what was signed */
export function checkSignature(
  { key, signature }: Pick<Checkpoint, 'key' | 'signature'>,
  bytes: Buffer,
  publicKey: KeyObject,
): SignatureCheck {
  if (key !== publicKeyName(publicKey)) return 'foreign';
  return verify(null, bytes, publicKey, Buffer.from(signature, 'base64')) ? 'good' : 'forged';
}
