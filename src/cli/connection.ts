import { readFileSync, statSync } from 'node:fs';
import { readEnvironment, UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { quote } from '../kit/text.ts';

/** Of every command that asks a gate. A key is never an argument: those are in the list of processes. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly keyFile?: string;
}

export interface Connection {
  readonly url: string;
  readonly key: string;
}

/** @throws UsageError that says what is missing, and never the key */
export function readConnection(options: ConnectionOptions): Connection {
  const environment = readEnvironment();
  const url = options.url ?? environment.url;
  if (url === undefined) throw new UsageError('which gate? Name it with --url, or INTERLOCK_URL');
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new UsageError(`the address of a gate is like http://127.0.0.1:7070, not ${quote(url)}`);
  const key = options.keyFile === undefined ? environment.key : readKeyFile(options.keyFile);
  if (key === undefined)
    throw new UsageError('with which key? Name its file with --key-file, or set INTERLOCK_KEY');
  if (!/^[\x21-\x7e]{1,4096}$/.test(key))
    throw new UsageError('the key is not one: visible ASCII, on one line');
  return { url, key };
}

const READ_OTHERS = 0o004;

function readKeyFile(file: string): string {
  try {
    if (process.platform !== 'win32' && (statSync(file).mode & READ_OTHERS) !== 0)
      throw new UsageError(`anybody on this machine may read the key in ${quote(file)}: chmod 600 it`);
    return readFileSync(file, 'utf8').trim();
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    throw new UsageError(`the key file ${quote(file)} cannot be read: ${asError(thrown).message}`);
  }
}
