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
 * What a gate signs that was told to take a database which is behind: from here on another history counts. Without it the checkpoints
 * of the one that was given up could not be told from those of one that was tampered with.
 */
export interface StepBack {
  /** As in a checkpoint. */
  readonly at: string;
  /** The last entry of the copy that was put back, as it was said. */
  readonly entry: number;
  /** The newest entry that was signed of what is given up and that the copy holds; 0 for none. What this gate signed after it was given up. */
  readonly held: number;
  /** The newest checkpoint of what was given up. It stands before this in the file, and nothing behind it was given up. */
  readonly from: Pick<Checkpoint, 'at' | 'seq' | 'hash'>;
  /** The head that was found instead; other gates may have added to the copy. */
  readonly to: ChainHead;
  /** Which key signed it. */
  readonly key: string;
  /** Base64 of Ed25519 over the UTF-8 of the canonical JSON (RFC 8785) of {step_back: {at, entry, from, held, key, to}}. */
  readonly signature: string;
}

/**
 * Whether it gives nothing up: the head that it found is the one that it names. So a gate signs an entry that it was told, and whose
 * database holds all the same what it signed: that entry was said of this loss, and must not be believed for a later one.
 */
export const givesNothingUp = ({ from, to }: Pick<StepBack, 'from' | 'to'>): boolean => from.hash === to.hash;

const stepBackSchema = z.strictObject({
  signature: signatureField,
  step_back: z
    .strictObject({
      at: timeField,
      entry: z.int().nonnegative(),
      held: z.int().nonnegative(),
      from: z.strictObject({ at: timeField, ...headFields }),
      to: z.strictObject(headFields),
      key: keyField,
    })
    .refine(({ entry, held, to }) => held <= entry && entry <= to.seq),
});

const signedBytes = ({ at, entry, held, from, to, key }: Omit<StepBack, 'signature'>): Buffer =>
  Buffer.from(
    canonicalJson({ step_back: { at, entry, from: { ...from }, held, key, to: { ...to } } }),
    'utf8',
  );

/** @param signer the private key with its name */
export function signStepBack(
  stepBack: Omit<StepBack, 'key' | 'signature'>,
  { privateKey, key }: { readonly privateKey: KeyObject; readonly key: string },
): StepBack {
  const unsigned = { ...stepBack, key };
  return { ...unsigned, signature: sign(null, signedBytes(unsigned), privateKey).toString('base64') };
}

/** The line of a step back, without its end. There is one way to write it, and it is not the one of a checkpoint. */
export const stepBackLine = ({ signature, at, entry, held, from, to, key }: StepBack): string =>
  JSON.stringify({
    signature,
    step_back: {
      at,
      entry,
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
