import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { KeyObject } from 'node:crypto';
import { readCheckpointLine, readPublicKey } from '../audit/checkpoint-line.ts';
import { readExportLine } from '../audit/export-line.ts';
import { linesOf } from '../audit/lines.ts';
import { ChainVerifier, type Anchor, type ChainReport } from '../audit/verify-chain.ts';
import { verifyStore } from '../audit/verify-store.ts';
import { anchorsOf, type Signed } from '../audit/verify-step-back.ts';
import type { RowFinding } from '../audit/verify-queries.ts';
import type { Config } from '../config/config.ts';
import { configFileOf, UsageError } from '../config/environment.ts';
import { readConfig } from '../config/read-config.ts';
import { openStore, type Store } from '../db/store.ts';
import { StoreRefused } from '../db/store-refused.ts';
import { asError, Fault } from '../kit/fault.ts';
import { createLogger } from '../kit/logger.ts';
import { parseJson } from '../kit/parse-json.ts';
import { isBlank, quote } from '../kit/text.ts';
import { exitCode } from './exit-code.ts';
import { urlOf } from './gate-url.ts';
import { nextCommandOf } from './next-command.ts';
import { jsonLine } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { sayVerified, type Verified } from './say-verified.ts';
import { countOf } from './table.ts';

export interface AuditVerifyOptions {
  readonly config?: string;
  readonly export?: string;
  readonly checkpoints?: string;
  /** Files of public keys; the one beside the checkpoints if there is none. */
  readonly keys: readonly string[];
  /** A whole chain that no checkpoint vouches for is not enough. */
  readonly anchored: boolean;
  readonly json: boolean;
}

const PROGRESS_ENTRIES = 10_000;

/** Each has a signature to be looked at: some seconds. */
const PROGRESS_CHECKPOINTS = 5_000;

/** A count of a million targets may take its time; no gate waits for it. */
const PATIENCE_MS = 30 * 60_000;

/**
 * Verifies the chain of a store or of an export, and says what it found.
 * @returns 0 for a whole one, 1 for one that was tampered with, 3 where that cannot be told
 * @throws UsageError, FileError, StoreRefused for wrong use
 */
export async function runAuditVerify(options: AuditVerifyOptions, terminal: Terminal): Promise<number> {
  if (options.export !== undefined && options.config !== undefined)
    throw new UsageError('either --config or --export: a store or an export is verified, not both');
  const config =
    options.export === undefined ? readConfig(configFileOf(options.config), 'unread') : undefined;
  const checkpoints = await readCheckpoints(options, config, terminal);
  const chain = new ChainVerifier(checkpoints.anchors);
  const watched = watch(chain, terminal);
  try {
    const { report, rows, notes } =
      config === undefined
        ? await verifyExport(options.export ?? '', watched)
        : await verifyConfigured(config, watched);
    const verified: Verified = {
      report,
      rows,
      checkpointProblems: checkpoints.problems,
      notes: [...checkpoints.notes, ...notes],
    };
    const code = sayVerified(verified, options.json, terminal);
    const isAnchored = report.anchor !== undefined && report.endGivenUp === undefined;
    return code === exitCode.done && options.anchored && !isAnchored ? exitCode.couldNotTell : code;
  } catch (thrown) {
    if (!(thrown instanceof Fault) && !(thrown instanceof CouldNotTell)) throw thrown;
    const cause = thrown.cause === undefined ? '' : ` (${asError(thrown.cause).message})`;
    const message = `could not tell: ${thrown.message}${cause}`;
    terminal.complain(`interlock: ${message}`);
    if (options.json) terminal.say(jsonLine({ error: message }));
    return exitCode.couldNotTell;
  }
}

/** There is nothing to verify, or not enough of it. */
class CouldNotTell extends Error {
  override readonly name = 'CouldNotTell';
}

function watch(
  chain: ChainVerifier,
  terminal: Terminal,
): Pick<ChainVerifier, 'add' | 'addUnreadable' | 'end'> {
  let count = 0;
  return {
    add: entry => {
      chain.add(entry);
      count += 1;
      if (count % PROGRESS_ENTRIES === 0) terminal.progress(`${countOf(count, 'entry')} so far …`);
    },
    addUnreadable: message => chain.addUnreadable(message),
    end: head => chain.end(head),
  };
}

interface Found {
  readonly report: ChainReport;
  readonly rows: readonly RowFinding[];
  readonly notes: readonly string[];
}

type Watched = ReturnType<typeof watch>;

async function verifyExport(file: string, chain: Watched): Promise<Found> {
  let number = 0;
  let blank: number | undefined;
  /** What the first line is not, until the next one tells whether this is an export at all. */
  let first: string | undefined;
  for await (const { text, ended } of linesOf(piecesOf(file, '--export'))) {
    number += 1;
    // Empty lines at the end are of whatever wrote the file; between entries they are not.
    if (isBlank(text)) {
      blank ??= number;
      continue;
    }
    if (blank !== undefined) chain.addUnreadable(`Line ${blank} of the export is empty.`);
    blank = undefined;
    const entry = readExportLine(text);
    if (first !== undefined && 'problem' in entry) throw notAnExport(file);
    if (first !== undefined) chain.addUnreadable(first);
    first = undefined;
    if (number === 1 && 'problem' in entry && isAnotherAnswer(text))
      first = `Line 1 of the export ${entry.problem}.`;
    else if ('problem' in entry && !ended)
      throw new CouldNotTell(`Line ${number}, the last of ${file}, is cut off. Fetch the export again.`);
    else if ('problem' in entry) chain.addUnreadable(`Line ${number} of the export ${entry.problem}.`);
    else chain.add(entry);
  }
  if (first !== undefined) throw notAnExport(file);
  if (number === 0 || blank === 1) throw new CouldNotTell(`${file} is empty; even a new gate has an entry.`);
  const notes = ['An export is the chain alone: what the store keeps beside it was not looked at.'];
  const report = chain.end();
  if (lacksItsEnd(report)) notes.push(MAY_BE_OLDER);
  return { report, rows: [], notes };
}

/** All that is shown fits, and a checkpoint speaks of more. */
const lacksItsEnd = ({ finding, head, entries }: ChainReport): boolean =>
  finding?.seq === head.seq + 1 && entries === head.seq;

const MAY_BE_OLDER =
  'An end that is missing was cut off, or the export was made before that checkpoint: copy the checkpoints first, then export, and verify again.';

const notAnExport = (file: string): UsageError =>
  new UsageError(`${file} is no export: GET /v1/audit gives one with Accept: application/x-ndjson`);

/** A page of `GET /v1/audit` as JSON, the answer of another call, or a file of something else. */
const isAnotherAnswer = (text: string): boolean =>
  /^\s*\{\s*"items"\s*:/.test(text) || !/"prev"\s*:/.test(text.slice(0, 4096));

async function verifyConfigured(config: Config, chain: Watched): Promise<Found> {
  const store = await openToRead(config);
  try {
    return await verifyStore(store.db, [...config.kinds.values()], chain);
  } finally {
    await store.close();
  }
}

/** The store as it is: one that is not there is not made. @throws StoreRefused */
async function openToRead(config: Config): Promise<Store> {
  const { store } = config;
  if (store.type === 'embedded' && !existsSync(path.join(store.folder, 'data')))
    throw new StoreRefused(`There is no store in ${store.folder}.`);
  const logger = createLogger('silent');
  const patience = { statementTimeoutMs: PATIENCE_MS, idleInTransactionMs: 60_000, silenceMs: PATIENCE_MS };
  try {
    return await openStore(store, logger, { ...patience, poolSize: 1 });
  } catch (thrown) {
    if (!(thrown instanceof StoreRefused) || store.type !== 'embedded') throw thrown;
    const url = urlOf(config);
    const next = nextCommandOf(url === undefined ? {} : { url });
    throw new CouldNotTell(
      `${thrown.message} A gate that runs holds its folder: ${next('audit export --out trail.ndjson')}, then interlock audit verify --export trail.ndjson.`,
    );
  }
}

/** @param named how the file was named, for who named it wrong */
async function* piecesOf(file: string, named: string): AsyncGenerator<string, void> {
  const stream = createReadStream(file, 'utf8');
  try {
    for await (const piece of stream) yield String(piece);
  } catch (thrown) {
    throw new UsageError(`${named} ${file} cannot be read: ${asError(thrown).message}`);
  }
}

interface Checkpoints {
  readonly anchors: readonly Anchor[];
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

async function readCheckpoints(
  { checkpoints, keys: keyFiles, anchored }: AuditVerifyOptions,
  config: Config | undefined,
  terminal: Terminal,
): Promise<Checkpoints> {
  const file = checkpoints ?? config?.checkpoints;
  if (file === undefined) {
    if (keyFiles.length > 0) throw new UsageError('--key goes with --checkpoints');
    return { anchors: [], problems: [], notes: anchored ? [WHAT_ANCHORS] : [] };
  }
  // Only one that was named must be there: a gate that never ran has none.
  if (checkpoints === undefined && !existsSync(file))
    return { anchors: [], problems: [], notes: [`There are no checkpoints at ${file}.`] };
  const keys = new Map<string, KeyObject>();
  for (const keyFile of keyFiles.length > 0 ? keyFiles : [`${file}.pub`]) {
    const key = await readKey(keyFile);
    keys.set(key.id, key.key);
  }
  const notes =
    keyFiles.length > 0
      ? []
      : ['The key was taken from beside the checkpoints; with a copy of your own, name it with --key.'];
  const tell = (count: number): void => {
    if (count % PROGRESS_CHECKPOINTS === 0) terminal.progress(`${countOf(count, 'checkpoint')} so far …`);
  };
  return await readCheckpointFile(file, keys, notes, tell);
}

const WHAT_ANCHORS =
  "--anchored needs the checkpoints too: --checkpoints FILE, a copy of the gate's, and --key FILE for the public key beside it.";

async function readCheckpointFile(
  file: string,
  keys: ReadonlyMap<string, KeyObject>,
  notes: string[],
  tell: (count: number) => void,
): Promise<Checkpoints> {
  const signed: Signed[] = [];
  const problems: string[] = [];
  let number = 0;
  for await (const { text, ended } of linesOf(piecesOf(file, '--checkpoints'))) {
    number += 1;
    tell(number);
    const line = readCheckpointLine(text, keys);
    if (!('problem' in line)) signed.push(line);
    else if (isCutOff(text) || !ended)
      notes.push(`Line ${number} of the checkpoints was not written to its end, and was left out.`);
    else problems.push(`Line ${number} of the checkpoints ${line.problem}.`);
  }
  if (number === 0)
    notes.push(`${file} is there and empty; a gate signs a checkpoint within its first minute.`);
  return { anchors: anchorsOf(signed), problems, notes };
}

/**
 * A crash leaves the beginning of a line, or zeros where a disk had made room for it, and the gate goes on behind it. It vouches for nothing: a line
 * that is gone says as much.
 */
const isCutOff = (line: string): boolean =>
  line !== '' && '{"'.startsWith(line.replaceAll('\0', '').slice(0, 2)) && parseJson(line) === undefined;

async function readKey(file: string): Promise<NonNullable<ReturnType<typeof readPublicKey>>> {
  const pem = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`the public key ${quote(file)} cannot be read: ${asError(error).message}`);
  });
  const key = readPublicKey(pem);
  if (key === undefined) throw new UsageError(`${quote(file)} is no Ed25519 public key (SPKI PEM)`);
  return key;
}
