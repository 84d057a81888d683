import { sign, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../kit/canonical-json.ts';
import {
  checkSignature,
  headFields,
  keyField,
  signatureField,
  timeField,
  type ChainHead,
  type Checkpoint,
  type SignatureCheck,
} from './checkpoint.ts';
import { parseJson } from '../kit/parse-json.ts';

/**
 * What a gate signs that was told that its database was put back: from here on another history counts. Without it the checkpoints
 * of the one that was given up could not be told from those of one that was tampered with.
 */
export interface StepBack {
  /** As in a checkpoint. */
  readonly at: string;
  /** The newest entry that this gate had signed and that the copy holds; 0 for none. What it signed after that was given up. */
  readonly held: number;
  /** The newest checkpoint of what was given up. It stands before this in the file, and nothing behind it was given up. */
  readonly from: Pick<Checkpoint, 'at' | 'seq' | 'hash'>;
  /** The head of what is gone on with. */
  readonly to: ChainHead;
  /** Which key signed it. */
  readonly key: string;
  /** Base64 of Ed25519 over the UTF-8 of the canonical JSON (RFC 8785) of {step_back: {at, from, held, key, to}}. */
  readonly signature: string;
}

const stepBackSchema = z.strictObject({
  signature: signatureField,
  step_back: z
    .strictObject({
      at: timeField,
      held: z.int().nonnegative(),
      from: z.strictObject({ at: timeField, ...headFields }),
      to: z.strictObject(headFields),
      key: keyField,
    })
    .refine(({ held, to }) => held < to.seq),
});

const signedBytes = ({ at, held, from, to, key }: Omit<StepBack, 'signature'>): Buffer =>
  Buffer.from(canonicalJson({ step_back: { at, from: { ...from }, held, key, to: { ...to } } }), 'utf8');

/** @param signer the private key with its name */
export function signStepBack(
  stepBack: Omit<StepBack, 'key' | 'signature'>,
  { privateKey, key }: { readonly privateKey: KeyObject; readonly key: string },
): StepBack {
  const unsigned = { ...stepBack, key };
  return { ...unsigned, signature: sign(null, signedBytes(unsigned), privateKey).toString('base64') };
}

/** The line of a step back, without its end. There is one way to write it, and it is not the one of a checkpoint. */
export const stepBackLine = ({ signature, at, held, from, to, key }: StepBack): string =>
  JSON.stringify({
    signature,
    step_back: {
      at,
      held,
      from: { at: from.at, seq: from.seq, hash: from.hash },
      to: { seq: to.seq, hash: to.hash },
      key,
    },
  });

/** As `parseCheckpoint`. */
export function parseStepBack(line: string): StepBack | undefined {
  const { data } = stepBackSchema.safeParse(parseJson(line));
  if (data === undefined) return undefined;
  const stepBack = { ...data.step_back, signature: data.signature };
  return stepBackLine(stepBack) === line ? stepBack : undefined;
}

/** What a public key says of a step back. */
export const judgeStepBack = (stepBack: StepBack, publicKey: KeyObject): SignatureCheck =>
  checkSignature(stepBack, signedBytes(stepBack), publicKey);
