import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { StoreRefused } from '../db/store-refused.ts';
import { asError } from '../kit/fault.ts';
import { publicKeyName } from './checkpoint.ts';
import { makeOnce, readIfThere } from './durable-files.ts';

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly key: string;
}

const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/**
 * The key that signs the checkpoints in a file: `FILE.key`, and `FILE.pub` for whoever verifies. Read before the key is: whoever
 * makes both makes the key first, so what is found without it is left over from one that is gone.
 * @returns undefined if there is none yet and nothing was ever signed
 * @throws StoreRefused if it cannot be read, is none, or is not the one that was there before
 */
export async function readSigningKey(checkpoints: string): Promise<SigningKey | undefined> {
  const publicFile = `${checkpoints}.pub`;
  const privateFile = `${checkpoints}.key`;
  const publicText = await readOrRefuse(publicFile);
  const privateText = await readOrRefuse(privateFile);
  if (privateText === undefined) {
    if (publicText === undefined) return undefined;
    throw new StoreRefused(
      `${privateFile} is gone, and ${publicFile} that belongs to it is there. Put the key back; if it is lost, move ${publicFile} and ${checkpoints} elsewhere and keep them: the gate then begins with a new key.`,
    );
  }
  const found = toSigningKey(privateFile, privateText);
  if (publicText !== undefined && publicText !== publicPem(found.publicKey)) {
    throw new StoreRefused(
      `${publicFile} does not belong to ${privateFile}. Put back the two that belong together; or, if the key is the right one, remove ${publicFile}: it is made from the key again.`,
    );
  }
  return found;
}

/** Makes the key if there is none; it takes no other file's place. */
export async function makeSigningKey(checkpoints: string): Promise<SigningKey> {
  let found = await readSigningKey(checkpoints);
  if (found === undefined) {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    await makeOnce(`${checkpoints}.key`, pem.toString(), PRIVATE_MODE);
    // Read back: another gate on the same file may have been quicker.
    found = await readSigningKey(checkpoints);
    if (found === undefined) throw new Error(`${checkpoints}.key was made, and is gone`);
  }
  return found;
}

/** Writes what is public of the key, if that is not there. */
export async function showPublicKey(checkpoints: string, { publicKey }: SigningKey): Promise<void> {
  await makeOnce(`${checkpoints}.pub`, publicPem(publicKey), PUBLIC_MODE);
}

/** Of a key that has signed nothing. What is public of it goes first: alone it would say that its key is gone. */
export async function removeKey(checkpoints: string): Promise<void> {
  for (const end of ['.pub', '.key']) await rm(`${checkpoints}${end}`, { force: true });
}

const publicPem = (publicKey: KeyObject): string =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();

function toSigningKey(file: string, text: string): SigningKey {
  try {
    const privateKey = createPrivateKey({ key: text, format: 'pem', type: 'pkcs8' });
    const publicKey = createPublicKey(privateKey);
    return { privateKey, publicKey, key: publicKeyName(publicKey) };
  } catch {
    // What the library says may quote the file.
    throw new StoreRefused(
      `${file} does not hold an Ed25519 key in PKCS8 PEM: it was cut off, or is another file. Put the key back. No gate writes over it.`,
    );
  }
}

async function readOrRefuse(file: string): Promise<string | undefined> {
  try {
    return await readIfThere(file);
  } catch (thrown) {
    throw new StoreRefused(`${file} cannot be read: ${asError(thrown).message}.`, { cause: thrown });
  }
}
