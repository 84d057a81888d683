import { existsSync } from 'node:fs';
import { FileError, type Config } from '../config/config.ts';
import { certificatesOf, findAccess, NoAccessError, type GateAccess } from '../config/client-settings.ts';
import { readClientTls } from '../config/client-tls.ts';
import { configFileOf, readClientEnvironment, UsageError, type TlsFiles } from '../config/environment.ts';
import { readConfig } from '../config/read-config.ts';
import { systemClock, type Clock } from '../kit/clock.ts';
import { asError } from '../kit/fault.ts';
import { quote } from '../kit/text.ts';
import { checkCertificate } from './doctor/certificate.ts';
import { checkCheckpoints } from './doctor/checkpoints.ts';
import { checkStore } from './doctor/database.ts';
import { checkExecutors } from './doctor/executors.ts';
import { checkDisk, checkKillFile, checkPermissions } from './doctor/files.ts';
import { findingsOf, type Finding, type Status } from './doctor/finding.ts';
import { askGate, askOwnGate } from './doctor/gate.ts';
import { checkKey } from './doctor/key.ts';
import { checkPolicy } from './doctor/policy.ts';
import { exitCode } from './exit-code.ts';
import { fetchBy } from '../client/fetch-by.ts';
import { urlOf } from './gate-url.ts';
import { nextCommandOf, type NextCommand } from './next-command.ts';
import { jsonLine, printable } from './printable.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';
import { wrap, wrapBehind } from './wrap.ts';

export interface DoctorOptions extends TlsFiles {
  readonly config?: string;
  /** Of a gate to ask; by default where the configuration says that it listens. */
  readonly url?: string;
  /** Of a key to try; by default that of the environment, or of the person's own settings. */
  readonly keyFile?: string;
  readonly json: boolean;
}

/**
 * Looks at all that a gate needs, and changes nothing. No executor gets a request.
 * @returns 0 if nothing fails, 1 if something does, 3 if something could not be told
 */
export async function runDoctor(
  options: DoctorOptions,
  terminal: Terminal,
  clock: Clock = systemClock,
): Promise<number> {
  if (options.url !== undefined && !isAddress(options.url))
    throw new UsageError(
      `--url is the address of a gate, like http://127.0.0.1:7070, not ${quote(options.url)}`,
    );
  const findings: Finding[] = [];
  const tell = (some: readonly Finding[]): void => {
    findings.push(...some);
    if (!options.json) for (const finding of some) sayFinding(finding, terminal);
  };
  const file = configFileOf(options.config);
  const given = findKey(options);
  const url = options.url ?? given?.url;
  // Whoever names a gate, and has no configuration here, asks for that gate alone.
  const isAlone = options.config === undefined && url !== undefined && !existsSync(file);
  const config = isAlone ? undefined : openConfig(file, tell);
  const certificates = findCertificates(options, given);
  const fetch = fetchOf(certificates, clock);
  // Whoever names none, in words or in the environment, means that of the configuration.
  const next = nextCommandOf(url === undefined ? { ...options, ...ownUrl(config) } : options);
  let storeRead = false;
  if (config !== undefined)
    storeRead = await lookAtConfig(config, options.url, { certificates, fetch, clock, tell, next });
  else if (url !== undefined) tell((await askGate(url, { runs: 'must', storeRead, fetch, next })).findings);
  const access = given ?? findKey({ ...options, ...ownUrl(config) }, 'needed');
  if (access !== undefined)
    tell(await guarded('key', async () => await checkKey(access, { fetch, storeRead })));
  const worst = worstOf(findings);
  if (options.json) terminal.say(jsonLine({ status: worst, checks: findings }));
  else for (const line of ['', ...wrap(sumUp(findings), terminal.width)]) terminal.say(line);
  if (worst === 'fail') return exitCode.refused;
  return worst === 'unknown' ? exitCode.couldNotTell : exitCode.done;
}

/** The gate and the key that somebody here calls with; undefined where there is none, unless a key file was named. */
function findKey(options: DoctorOptions, found?: 'needed'): GateAccess | undefined {
  try {
    return findAccess(options, readClientEnvironment());
  } catch (thrown) {
    const isMissing = thrown instanceof NoAccessError;
    if (isMissing && (options.keyFile === undefined || found === undefined)) return undefined;
    throw thrown;
  }
}

/** As every command finds them, a key or none. */
const findCertificates = (options: DoctorOptions, given: GateAccess | undefined): TlsFiles | undefined =>
  given?.tls ?? certificatesOf(options, readClientEnvironment());

const fetchOf = (certificates: TlsFiles | undefined, clock: Clock): typeof fetch =>
  certificates === undefined ? fetch : fetchBy(readClientTls(certificates, clock.wallMs()));

/** For where a gate listens: its certificate is of the name that clients know, and no key is shown to it. */
const fetchOfOwn = (certificates: TlsFiles | undefined, clock: Clock): typeof fetch =>
  fetchBy(certificates === undefined ? {} : readClientTls(certificates, clock.wallMs()), true);

function ownUrl(config: Config | undefined): { readonly url?: string } {
  const url = config === undefined ? undefined : urlOf(config);
  return url === undefined ? {} : { url };
}

type Tell = (some: readonly Finding[]) => void;

function openConfig(file: string, tell: Tell): Config | undefined {
  const { ok, fail } = findingsOf('config');
  try {
    const config = readConfig(file);
    const { kinds, actions, principals } = config;
    tell([
      ok(
        `${config.file}: ${countOf(kinds.size, 'kind')}, ${countOf(actions.size, 'action')}, ${countOf(principals.length, 'principal')}`,
      ),
    ]);
    return config;
  } catch (thrown) {
    // One that is not there was named wrong.
    if (!(thrown instanceof FileError) || !existsSync(file)) throw thrown;
    tell(
      thrown.message
        .split('\n')
        .map(line => fail(line, 'a gate does not start with this file: set it right')),
    );
    return undefined;
  }
}

interface Looking {
  readonly certificates: TlsFiles | undefined;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly tell: Tell;
  readonly next: NextCommand;
}

/** @returns whether the store was looked into */
async function lookAtConfig(
  config: Config,
  url: string | undefined,
  { certificates, fetch, clock, tell, next }: Looking,
): Promise<boolean> {
  tell(await guarded('permissions', async () => await Promise.resolve(checkPermissions(config))));
  tell(checkCertificate(config, clock.wallMs()));
  const { findings, loaded } = await checkPolicy(config, clock.wallMs());
  tell(findings);
  const checkpoints = await checkCheckpoints(config, clock.wallMs());
  tell(checkpoints.findings);
  const store = await checkStore({ config, clock, loaded, newest: checkpoints.newest, next });
  const runs = store.held ? 'must' : store.used ? 'should' : 'may';
  const showsCertificate = certificates?.cert !== undefined;
  const gate =
    url === undefined
      ? await askOwnGate(config, {
          runs,
          storeRead: store.read,
          showsCertificate,
          next,
          fetch: fetchOfOwn(certificates, clock),
        })
      : await askGate(url, { runs: 'must', storeRead: false, fetch, next });
  tell(store.findings.map(finding => (gate.clockIsWell ? easeClock(finding) : finding)));
  tell(gate.findings);
  tell(await guarded('executor', async () => await checkExecutors(config)));
  tell(await guarded('disk', async () => await checkDisk(config)));
  tell(await guarded('kill file', async () => await Promise.resolve(checkKillFile(config))));
  return store.read;
}

/** A gate that runs and decides has had its clock accepted, or agrees: then what is left is a matter of the next start. */
const easeClock = (finding: Finding): Finding =>
  finding.check !== 'clock' || finding.status !== 'fail'
    ? finding
    : findingsOf('clock').warn(
        `${finding.what}; the gate that runs decides all the same: its time was accepted, or agrees`,
        'one that starts would decide nothing: set the clocks right before (NTP)',
      );

/** One check that breaks must not hide the others; and it is no "ok". */
async function guarded(check: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (thrown) {
    return [findingsOf(check).unknown(asError(thrown).message, 'look by hand')];
  }
}

const order: readonly Status[] = ['fail', 'unknown', 'warn', 'ok'];

const worstOf = (findings: readonly Finding[]): Status =>
  order.find(status => findings.some(finding => finding.status === status)) ?? 'unknown';

const CHECK_COLUMNS = 12;
/** On a narrower terminal the text stands below its heading, or it would be a column of single words. */
const BESIDE_FROM = 70;

function sayFinding({ check, status, what, todo }: Finding, terminal: Terminal): void {
  const { width } = terminal;
  const heading = `${status.padEnd(8)} ${check.padEnd(CHECK_COLUMNS)} `;
  const isBeside = width === undefined || width >= BESIDE_FROM;
  const indent = ' '.repeat(isBeside ? heading.length : 2);
  if (!isBeside) terminal.say(heading.trimEnd());
  for (const [at, line] of what.split('\n').map(printable).entries())
    for (const part of wrapBehind(at === 0 && isBeside ? heading : indent, line, width)) terminal.say(part);
  if (todo !== undefined)
    for (const part of wrapBehind(`${indent}→ `, printable(todo), width)) terminal.say(part);
}

function sumUp(findings: readonly Finding[]): string {
  const counts = order.map(status => ({
    status,
    count: findings.filter(one => one.status === status).length,
  }));
  const words = { fail: 'failed', unknown: 'could not be told', warn: 'to look at', ok: 'ok' } as const;
  const said = counts
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${words[status]}`);
  return `${said.join(', ')}.`;
}

const isAddress = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text);
