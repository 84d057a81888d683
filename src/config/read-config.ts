import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileParameters } from '../validate/parameters.ts';
import { systemClock } from '../kit/clock.ts';
import { asError } from '../kit/fault.ts';
import { MAX_KEY_FILE_BYTES, readPlainFileSync } from '../kit/plain-file.ts';
import { didYouMean, isKeyInFile, quote } from '../kit/text.ts';
import {
  declaredLabels,
  type Action,
  type Config,
  type FileError,
  type ExecutorConfig,
  type Kind,
  type Source,
  type StoreConfig,
  type TlsConfig,
} from './config.ts';
import { MISSING, namedFiles, namedPaths } from './named-files.ts';
import { readPrincipals } from './principals.ts';
import { member, Problems, textsOf } from './problems.ts';
import {
  actionName,
  actionSchema,
  executorSchema,
  isLoopback,
  kindName,
  kindSchema,
  stateSchema,
  topSchema,
} from './schemas.ts';
import { checkPrincipalsOf, checkSources, readSources } from './sources.ts';
import { fileProblems, wordProblems } from './store-url.ts';
import { checkTls, readTls } from './tls.ts';
import { readYamlFile, type YamlPath } from './yaml-file.ts';

/** The bundle that ships: the same place seen from src/config and from dist/config. */
const SHIPPED_BUNDLE = fileURLToPath(new URL('../../policies/bundle.tar.gz', import.meta.url));

/**
 * A gate that runs. Of certificates that it has, what is wrong with the new ones keeps nothing else from being loaded; and folders that
 * cannot change any more are not looked at again, for their disk may hang by now.
 */
export interface Running {
  readonly tls: TlsConfig | undefined;
  readonly onBadCertificates: (error: FileError) => void;
}

/**
 * Reads and checks a configuration. Paths in it are relative to the file.
 * @param certificatesAtMs certificates must hold at this time; where they are unread, so is all else but the file itself: an audit must not
 *   need it, and a gate that looks who may ask, or whether the file is another, must not wait for its disks
 * @throws FileError with every problem, each with its line
 */
export function readConfig(
  file: string,
  certificatesAtMs: number | 'unread' = systemClock.wallMs(),
  running?: Running,
): Config {
  const yaml = readYamlFile(file, MISSING);
  const problems = new Problems(yaml);
  const raw = yaml.value;
  const top = problems.check(topSchema, raw, []);
  const looksAtFolders = certificatesAtMs !== 'unread' && running === undefined;
  const paths = readPaths(problems, raw, resolve(file), looksAtFolders);
  const ofCertificates = running === undefined ? problems : new Problems(yaml);
  const readCertificates = (atMs: number): TlsConfig | undefined =>
    readTls({ problems, ofCertificates }, member(raw, 'tls'), dirname(resolve(file)), atMs);
  const read = certificatesAtMs === 'unread' ? undefined : readCertificates(certificatesAtMs);
  if (certificatesAtMs === 'unread') checkTls(problems, member(raw, 'tls'));
  if (top !== undefined) checkListen(problems, top, member(raw, 'tls') !== undefined);
  const kindNames = Object.keys(Object(member(raw, 'kinds')));
  const actionNames = Object.keys(Object(member(raw, 'actions')));
  const kinds = readEach(problems, member(raw, 'kinds'), ['kinds'], kindName, (name, value, path) =>
    readKind(problems, name, value, path),
  );
  const actions = readEach(problems, member(raw, 'actions'), ['actions'], actionName, (name, value, path) =>
    readAction(problems, name, value, path, {
      folder: dirname(resolve(file)),
      kindNames,
      readsKeys: certificatesAtMs !== 'unread',
    }),
  );
  const labelNames = new Set([...kinds.values()].flatMap(declaredLabels));
  // What a broken kind declares is not known: nothing is said of labels then.
  const known = kinds.size === kindNames.length ? [...labelNames] : [];
  const principals = readPrincipals(problems, member(raw, 'principals'), actionNames, known);
  checkPrincipalsOf(problems, kinds, principals);
  problems.throwIfAny();
  const bad = ofCertificates.toError();
  if (bad !== undefined) running?.onBadCertificates(bad);
  const tls = bad === undefined ? read : running?.tls;
  if (top === undefined) throw new Error('a configuration without problems was not read');
  const serving = {
    listen: top.listen,
    ...(tls !== undefined && { tls }),
    ...(top.public_url !== undefined && { publicUrl: top.public_url }),
  };
  return {
    file: resolve(file),
    files: namedFiles(raw, resolve(file)),
    digest: yaml.digest,
    ...serving,
    ...paths,
    kinds,
    actions,
    principals,
  };
}

/** Keys cross the wire with every request: in the clear only where nobody else can read along, or where somebody says so. */
function checkListen(
  problems: Problems,
  { listen, plaintext }: { readonly listen: Config['listen']; readonly plaintext?: string | undefined },
  hasTls: boolean,
): void {
  if (hasTls && plaintext !== undefined)
    problems.add(['plaintext'], 'cannot stand beside `tls`: the gate speaks one or the other');
  if (hasTls || plaintext !== undefined || isLoopback(listen.host)) return;
  problems.add(
    ['listen'],
    `${listen.host} is beyond this machine, and keys would cross the network in the clear: give the gate a certificate with \`tls: { cert: FILE, key: FILE }\`, or listen on 127.0.0.1, or, if a proxy in front of it speaks TLS, say \`plaintext: behind-a-proxy\``,
  );
}

/** Each entry of a map under a name that is checked first. What is wrong in one does not hide what is wrong in the next. */
function readEach<T>(
  problems: Problems,
  value: unknown,
  path: YamlPath,
  nameSchema: typeof kindName,
  read: (name: string, value: unknown, path: YamlPath) => T | undefined,
): ReadonlyMap<string, T> {
  const checked = new Map<string, T>();
  for (const [name, entry] of problems.entries(value, path)) {
    const issue = nameSchema.safeParse(name).error?.issues[0];
    if (issue !== undefined) problems.add([...path, name], issue.message);
    const one = read(name, entry, [...path, name]);
    if (one !== undefined) checked.set(name, one);
  }
  return checked;
}

function readKind(problems: Problems, name: string, value: unknown, path: YamlPath): Kind | undefined {
  const kind = problems.check(kindSchema, value, path);
  const rawState = member(value, 'state');
  const state =
    rawState === undefined ? undefined : problems.check(stateSchema, rawState, [...path, 'state']);
  checkLabels(problems, value, path);
  checkWeights(problems, value, path);
  const sources =
    member(value, 'sources') === undefined
      ? undefined
      : readSources(problems, member(value, 'sources'), [...path, 'sources']);
  const maxAgeMs = maxAgeOf(problems, member(value, 'max_age') !== undefined, kind?.max_age, sources, path);
  if (kind === undefined) return undefined;
  const read: Kind = {
    name,
    dimensions: kind.dimensions,
    ...(state !== undefined && { state: { label: state.label, inService: state.in_service } }),
    labels: kind.labels,
    optional: kind.optional,
    ...(kind.weights !== undefined && { weights: kind.weights }),
    maxAgeMs,
    ...(sources !== undefined && { sources }),
    maxShrinkPpm: kind.max_shrink,
    maxChangePpm: kind.max_change,
  };
  if (sources !== undefined) checkSources(problems, read, [...path, 'sources']);
  return read;
}

/** Either the kind has an age, or each of its sources has one; 0, at which everything is too old, where that is wrong. */
function maxAgeOf(
  problems: Problems,
  isSaid: boolean,
  maxAgeMs: number | undefined,
  sources: readonly Source[] | undefined,
  path: YamlPath,
): number {
  if (sources === undefined && !isSaid)
    problems.add(
      [...path, 'max_age'],
      'is missing: it must be a duration like 24h; or `sources` stand in its place, each with its own',
    );
  if (sources !== undefined && isSaid)
    problems.add([...path, 'max_age'], 'cannot stand beside `sources`: each of them has its own');
  return maxAgeMs ?? sources?.find(({ ownsExistence }) => ownsExistence)?.maxAgeMs ?? 0;
}

/** A label is declared in one place: it cannot be required and optional. The state may be one of the others too. */
function checkLabels(problems: Problems, value: unknown, path: YamlPath): void {
  const dimensions = textsOf(member(value, 'dimensions'));
  const labels = textsOf(member(value, 'labels'));
  const required = [...dimensions, ...labels, member(member(value, 'state'), 'label')];
  for (const [at, label] of labels.entries()) {
    if (dimensions.includes(label))
      problems.add([...path, 'labels', at], `${quote(label)} is a dimension already`);
  }
  for (const [at, label] of textsOf(member(value, 'optional')).entries()) {
    if (required.includes(label)) {
      problems.add(
        [...path, 'optional', at],
        `${quote(label)} is required already, and cannot be optional too`,
      );
    }
  }
}

/** A limit names weights beside labels and `fleet`: one word for two things would be read for the other. */
function checkWeights(problems: Problems, value: unknown, path: YamlPath): void {
  const labels = [
    ...['dimensions', 'labels', 'optional'].flatMap(key => textsOf(member(value, key))),
    member(member(value, 'state'), 'label'),
  ];
  for (const [at, weight] of textsOf(member(value, 'weights')).entries()) {
    if (weight === 'fleet') problems.add([...path, 'weights', at], '"fleet" is the word for all of the kind');
    if (labels.includes(weight))
      problems.add([...path, 'weights', at], `${quote(weight)} is a label already`);
  }
}

interface Around {
  readonly folder: string;
  readonly kindNames: readonly string[];
  readonly readsKeys: boolean;
}

function readAction(
  problems: Problems,
  name: string,
  value: unknown,
  path: YamlPath,
  around: Around,
): Action | undefined {
  const action = problems.check(actionSchema, value, path);
  const executor = readExecutor(problems, member(value, 'executor'), [...path, 'executor'], around);
  checkKindOf(problems, member(value, 'kind'), [...path, 'kind'], around.kindNames);
  checkParameters(problems, member(value, 'parameters'), [...path, 'parameters']);
  if (action === undefined || executor === undefined) return undefined;
  const { kind, irreversible, parameters } = action;
  return { name, kind, irreversible, ...(parameters !== undefined && { parameters }), executor };
}

function checkKindOf(problems: Problems, kind: unknown, path: YamlPath, kindNames: readonly string[]): void {
  if (typeof kind !== 'string' || kindNames.includes(kind)) return;
  problems.add(path, `no kind ${quote(kind)} is declared${didYouMean(kind, kindNames, true)}`);
}

function checkParameters(problems: Problems, schema: unknown, path: YamlPath): void {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return;
  const compiled = compileParameters(Object.fromEntries(Object.entries(schema)));
  const found = compiled.ok ? [] : compiled.problems;
  for (const problem of found) problems.add(path, problem);
}

function readExecutor(
  problems: Problems,
  value: unknown,
  path: YamlPath,
  { folder, readsKeys }: Pick<Around, 'folder' | 'readsKeys'>,
): ExecutorConfig | undefined {
  const executor = problems.check(executorSchema, value, path);
  const rawFile = member(value, 'bearer_file');
  const bearerFile = typeof rawFile === 'string' ? resolve(folder, rawFile) : undefined;
  const problem = bearerFile === undefined || !readsKeys ? undefined : bearerProblem(bearerFile);
  if (problem !== undefined) problems.add([...path, 'bearer_file'], problem);
  if (executor === undefined) return undefined;
  return {
    url: executor.url,
    timeoutMs: executor.timeout,
    concurrency: executor.concurrency,
    validForMs: executor.valid_for,
    idempotent: executor.idempotent,
    ...(bearerFile !== undefined && { bearerFile }),
  };
}

/** Why a file does not hold a key for an executor. The key itself is never told. */
function bearerProblem(file: string): string | undefined {
  try {
    const key = readPlainFileSync(file, MAX_KEY_FILE_BYTES).toString('utf8').trim();
    return isKeyInFile(key) ? undefined : 'must hold one key: visible ASCII, on one line';
  } catch (error) {
    return `cannot be read: ${asError(error).message}`;
  }
}

type Paths = Pick<Config, 'store' | 'policies' | 'limitsFile' | 'killFile' | 'checkpoints'>;

function readPaths(problems: Problems, raw: unknown, file: string, looksAtFolders: boolean): Paths {
  const folder = dirname(file);
  const textAt = (key: string, fallback: string): string => {
    const value = member(raw, key);
    return typeof value === 'string' ? value : fallback;
  };
  const { limitsFile, killFile, checkpoints } = namedPaths(raw, file);
  // A kill file that is always there would always be engaged; checkpoints would be written over the other.
  for (const [key, path, others] of [
    ['kill_file', killFile, [file, limitsFile, checkpoints]],
    ['checkpoints', checkpoints, [file, limitsFile]],
  ] as const) {
    const problem = looksAtFolders ? folderProblem(dirname(path)) : undefined;
    if (problem !== undefined) problems.add([key], problem);
    if (others.some(other => other === path)) problems.add([key], 'must be a file of its own');
  }
  const store = readStore(problems, textAt('store', './.interlock'), folder);
  if (looksAtFolders && store.type === 'server')
    for (const problem of fileProblems(store.url)) problems.add(['store'], problem);
  const policies = readPolicies(problems, textAt('policies', SHIPPED_BUNDLE), folder);
  return { store, policies, limitsFile, killFile, checkpoints };
}

function folderProblem(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return `its folder ${folder} is not a folder`;
    accessSync(folder, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `its folder must be there: ${asError(error).message}`;
  }
}

const hasScheme = (text: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text);

/**
 * What looks like a URL and is none: `postgres:/u@host/name`, `u@host/name`, `host:5432/name`. As a folder it would be a new,
 * empty store: no history, no idempotency keys, and every engaged switch forgotten.
 */
const looksLikeUrl = (text: string): boolean => /^(?![A-Za-z]:\\)[^/]*[:@]|^\/\/|:\/\//.test(text);

/** The URL is never shown: it may hold a password. */
function readStore(problems: Problems, store: string, folder: string): StoreConfig {
  if (!hasScheme(store)) {
    if (looksLikeUrl(store))
      problems.add(
        ['store'],
        'is no URL like postgres://user@host/name, and looks too much like one to be a folder; a folder of such a name is written ./NAME',
      );
    return { type: 'embedded', folder: resolve(folder, store) };
  }
  const url = URL.canParse(store) ? new URL(store) : undefined;
  const isPostgres = url?.protocol === 'postgres:' || url?.protocol === 'postgresql:';
  if (!isPostgres || url.pathname.length < 2) {
    problems.add(
      ['store'],
      'must be a folder, or a URL like postgres://user@host/name; in its user and password # / ? @ : and % are written %23 %2F %3F %40 %3A and %25',
    );
  } else for (const problem of wordProblems(url)) problems.add(['store'], problem);
  return { type: 'server', url: store };
}

function readPolicies(problems: Problems, policies: string, folder: string): string {
  if (!hasScheme(policies)) return resolve(folder, policies);
  const url = URL.canParse(policies) ? new URL(policies) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    problems.add(
      ['policies'],
      'must be a folder, a bundle.tar.gz, or an https URL without user and password',
    );
  }
  return policies;
}
