import { statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { asError, codeOf } from '../kit/fault.ts';
import { isBlank, isKeyInFile } from '../kit/text.ts';
import { UsageError, type ClientEnvironment, type TlsFiles } from './environment.ts';
import { Problems } from './problems.ts';
import { readSecretFile } from './secret-file.ts';
import { readYamlFile } from './yaml-file.ts';

/** Which gate is called, and as whom. */
export interface GateAccess {
  readonly url: string;
  readonly key: string;
  /** Left out where nothing is said of it. */
  readonly tls?: TlsFiles;
}

/** What the command line says of it. */
export interface AccessOptions extends TlsFiles {
  readonly url?: string;
  readonly keyFile?: string;
}

const text = z
  .string({ error: 'must be text' })
  .refine(value => !isBlank(value), { error: 'must not be blank' });

const settingsSchema = z.strictObject({
  url: text.optional(),
  // What is wrong with it is told without it.
  key: z.unknown().optional(),
  key_file: text.optional(),
  ca: text.optional(),
  cert: text.optional(),
  cert_key: text.optional(),
});

type Settings = Omit<z.infer<typeof settingsSchema>, 'key'> & { readonly key?: string };

/** Nothing says which gate is called, or as whom. */
export class NoAccessError extends UsageError {}

/** Nothing says which. */
export class NoGateError extends NoAccessError {}

/**
 * The gate and the key: of the command line, else of the environment, else of `interlock/client.yaml` in the settings folder.
 * The key and the client's certificate in that file are for the gate that the file names, and are not shown to another one. Its `ca` says whom to
 * believe, and is no secret: it holds for each gate.
 * @throws NoAccessError, UsageError or FileError, none of which says a key
 */
export function findAccess(options: AccessOptions, environment: ClientEnvironment): GateAccess {
  const url = options.url ?? environment.url;
  const given = options.keyFile === undefined ? environment.key : readKeyFile(options.keyFile);
  const said = tlsOf(options) ?? environment.tls;
  // Who says all of it needs no file, and is not kept from stopping by one that is broken.
  if (url !== undefined && given !== undefined && !isOfTls(url)) return accessOf(url, given, options, said);
  if (url !== undefined && given !== undefined && said !== undefined)
    return accessOf(url, given, options, certificatesOf(options, environment));
  const file = settingsFile(environment);
  const settings = file === undefined ? {} : readSettings(file);
  const chosen = url ?? settings.url;
  if (chosen === undefined)
    throw new NoGateError(
      `which gate? Say it with --url, INTERLOCK_URL, or \`url\` in ${file ?? 'client.yaml'}`,
    );
  const isOfFile = settings.url === chosen;
  const key = given ?? (isOfFile && file !== undefined ? keyOf(settings, file) : undefined);
  if (key === undefined) {
    const why =
      !isOfFile && settings.url !== undefined && (settings.key ?? settings.key_file) !== undefined
        ? ` (the one in ${file} is for ${settings.url})`
        : '';
    throw new NoAccessError(`no key for ${chosen}${why}. Give it with --key-file or INTERLOCK_KEY`);
  }
  const named = file === undefined ? undefined : tlsOfFile(settings, file);
  const shown = said ?? (isOfFile ? named : undefined);
  return accessOf(chosen, key, options, believing(shown, environment.tls?.ca ?? named?.ca));
}

/** Those that the command line or the environment names, with whom `client.yaml` believes where neither says it; for who asks without a key. */
export function certificatesOf(options: AccessOptions, environment: ClientEnvironment): TlsFiles | undefined {
  const said = tlsOf(options) ?? environment.tls;
  const ca = said?.ca ?? environment.tls?.ca ?? caOfSoundFile(settingsFile(environment));
  return believing(said, ca);
}

/** What is shown comes from one place. To believe an authority gives nothing away: a later place names it where that one does not. */
const believing = (tls: TlsFiles | undefined, ca: string | undefined): TlsFiles | undefined =>
  ca === undefined ? tls : { ca, ...tls };

const settingsFile = ({ settingsFolder }: ClientEnvironment): string | undefined =>
  settingsFolder === undefined ? undefined : path.join(settingsFolder, 'interlock', 'client.yaml');

const isOfTls = (url: string): boolean => /^https:/i.test(url);

function accessOf(url: string, key: string, options: AccessOptions, tls: TlsFiles | undefined): GateAccess {
  // Who names certificates means a line that nobody reads along on.
  if (tlsOf(options) !== undefined && !isOfTls(url))
    throw new UsageError(`--ca, --cert and --cert-key are for https, and the gate is ${url}`);
  return { url, key, ...(tls !== undefined && isOfTls(url) && { tls }) };
}

/** Undefined where none is named. */
function tlsOf({
  ca,
  cert,
  certKey,
}: { [Name in keyof TlsFiles]: TlsFiles[Name] | undefined }): TlsFiles | undefined {
  if ((ca ?? cert ?? certKey) === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(certKey !== undefined && { certKey }),
  };
}

function tlsOfFile({ ca, cert, cert_key: certKey }: Settings, file: string): TlsFiles | undefined {
  const resolved = (named: string | undefined): string | undefined =>
    named === undefined ? undefined : path.resolve(path.dirname(file), named);
  return tlsOf({ ca: resolved(ca), cert: resolved(cert), certKey: resolved(certKey) });
}

/** Whom the file believes; undefined where the file is broken, for somebody who needs nothing else of it. */
function caOfSoundFile(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : tlsOfFile(readSettings(file), file)?.ca;
  } catch {
    return undefined;
  }
}

function readSettings(file: string): Settings {
  let mode: number;
  try {
    mode = statSync(file).mode;
  } catch (thrown) {
    const error = asError(thrown);
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return {};
    throw new UsageError(`${file} cannot be read: ${error.message}`);
  }
  // A key that others can read is everybody's. Where there are no such bits, there is nothing to look at.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new UsageError(`${file} can be read or changed by others, and may hold a key: chmod 600 ${file}`);
  const yaml = readYamlFile(file, 'it is where a gate and a key may stand');
  const problems = new Problems(yaml);
  const found: z.infer<typeof settingsSchema> | undefined = problems.check(settingsSchema, yaml.value, []);
  const { key, ...settings } = found ?? { key: undefined };
  const isKey = typeof key === 'string' && !isBlank(key);
  if (key !== undefined && !isKey) problems.add(['key'], 'must be text that is not blank');
  if (key !== undefined && settings.key_file !== undefined)
    problems.add(['key_file'], 'stands beside `key`: one of them');
  problems.throwIfAny();
  return { ...settings, ...(isKey && { key }) };
}

function keyOf({ key, key_file: keyFile }: Settings, file: string): string | undefined {
  return keyFile === undefined ? key : readKeyFile(path.resolve(path.dirname(file), keyFile));
}

/** A file that holds a key and nothing else. */
function readKeyFile(file: string): string {
  let content: string;
  try {
    content = readSecretFile(file);
  } catch (thrown) {
    throw new UsageError(`the key file ${file} ${asError(thrown).message}`);
  }
  const key = content.trim();
  if (key === '') throw new UsageError(`the key file ${file} is empty`);
  // Never a part of it: what is cut off would be told to be a wrong key.
  if (!isKeyInFile(key))
    throw new UsageError(`the key file ${file} holds more than a key: it is one word of visible ASCII`);
  return key;
}
