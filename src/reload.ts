import { policyScope } from './config/policy-scope.ts';
import { FileError, type Config, type Principal, type TlsConfig } from './config/config.ts';
import { describePrincipal } from './config/principals.ts';
import { readConfig } from './config/read-config.ts';
import { warnOfLimitGaps, warnOfMissingLimits, warnOfNoOperator, warnOfOpenKeys } from './describe-start.ts';
import { comparePrincipals, createOtherNames } from './exchange-keys.ts';
import type { Changing, InForce } from './in-force.ts';
import { canonicalJson } from './kit/canonical-json.ts';
import type { Clock } from './kit/clock.ts';
import type { DiskLane } from './kit/disk-lane.ts';
import { asError } from './kit/fault.ts';
import { unlessAborted } from './kit/in-time.ts';
import type { Logger } from './kit/logger.ts';
import { sharedRead } from './kit/together.ts';
import type { LateGate } from './late-gate.ts';
import { readPolicy, toLoaded } from './load-policy.ts';
import { readAhead } from './read-ahead.ts';
import type { Metrics } from './metrics/metrics.ts';

export interface ReloadOptions {
  readonly inForce: InForce;
  readonly gate: LateGate;
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly metrics: Pick<Metrics, 'reloadObserved'>;
  /** Through which files are read: the configuration's own, and apart from it all others, whose disk may hang. */
  readonly disks: { readonly own: DiskLane; readonly others: DiskLane };
  /** Connections from now on are made with these certificates. */
  renewCertificates(tls: TlsConfig): void;
}

export interface Reload {
  /**
   * Reads the configuration, the limits and the bundle again, and brings them into force here: all of them, or where anything is wrong
   * nothing but keys (exchange-keys.ts). Says in the log which. Never rejects.
   */
  reload(): Promise<void>;
  /** Waits for no disk and no server any more: what is not read by now is not loaded. Resolves when no reload is under way. */
  end(): Promise<void>;
}

/** What is not wrong with a file, and still cannot be loaded. */
class NotWithoutRestart extends Error {
  override readonly name = 'NotWithoutRestart';
}

/** Longer than a disk has to answer (kit/disk-lane.ts). */
const EXCHANGE_PATIENCE_MS = 30_000;

/**
 * One after the other. Whoever asks while one waits for its turn gets that one: it reads the files after that. Keys wait for no
 * turn: the reload before may wait for a server of bundles, a disk and the database.
 */
export function createReload(options: ReloadOptions): Reload {
  let last = Promise.resolve();
  let waiting: Promise<void> | undefined;
  const stopping = new AbortController();
  const exchange = sharedRead(async () => await readOwn(options), EXCHANGE_PATIENCE_MS);
  const warnOfOtherNames = createOtherNames(options.inForce.principals, options.logger);
  return {
    reload: async () => {
      if (!stopping.signal.aborted) exchange().catch(leaveToReload);
      waiting ??= last = last.then(async () => {
        waiting = undefined;
        if (!stopping.signal.aborted) await reloadOnce(options, exchange, stopping.signal);
        warnOfOtherNames(options.inForce.principals);
        warnOfNoOperator(options.inForce.principals, options.logger);
      });
      await waiting;
    },
    end: async () => {
      stopping.abort(new Error('the gate is stopping'));
      await last;
    },
  };
}

/** It reads the file as well, and says what is wrong with it. */
const leaveToReload = (): void => undefined;

async function reloadOnce(
  options: ReloadOptions,
  exchange: () => Promise<Config>,
  stopping: AbortSignal,
): Promise<void> {
  const { inForce, logger, metrics } = options;
  const before = { config: inForce.config, loaded: inForce.loaded };
  try {
    const read = await readFiles(options, exchange, stopping);
    await bringIntoForce(options, before, read);
    metrics.reloadObserved(areRenewed(options, read.config.tls, read.badCertificates));
  } catch (thrown) {
    metrics.reloadObserved(false);
    const error = asError(thrown);
    const exchanged = comparePrincipals(inForce.config.principals, inForce.principals);
    const areKeysOther = exchanged.out.length + exchanged.in.length > 0;
    logger.error(
      {
        ...(error instanceof FileError ? { problems: error.problems } : { err: error }),
        ...(areKeysOther && { keys_out: exchanged.out, keys_in: exchanged.in }),
      },
      areKeysOther
        ? 'nothing was loaded but that keys which are gone from the configuration are out, and new ones are in of principals that are otherwise the same, and of operators where none was left; what else was in force stays: set it right, and send SIGHUP again'
        : 'nothing was loaded, and what was in force stays: set it right, and send SIGHUP again',
    );
  }
}

/** The configuration as its own file says it, with its keys exchanged: a stolen key waits for no other disk, and for no server. */
async function readOwn({ disks, inForce }: ReloadOptions): Promise<Config> {
  const { file, tls } = inForce.config;
  await readAhead(disks.own, [file]);
  const own = readConfig(file, 'unread');
  exchangeIn(inForce, { ...own, ...(tls !== undefined && { tls }) });
  return own;
}

/** It is this gate's own, so who has no key in it is to have none. One of another gate would lock all out. @throws NotWithoutRestart */
function exchangeIn(inForce: InForce, config: Config): void {
  const fixed = changedParts(inForce.config, config);
  if (fixed.length > 0)
    throw new NotWithoutRestart(`${fixed.join(', ')}: cannot change while the gate runs; restart it`);
  inForce.exchange(config.principals);
}

interface ReadFiles {
  readonly config: Config;
  readonly policy: Awaited<ReturnType<typeof readPolicy>>;
  readonly badCertificates: FileError | undefined;
}

async function readFiles(
  { disks, clock, inForce }: ReloadOptions,
  exchange: () => Promise<Config>,
  stopping: AbortSignal,
): Promise<ReadFiles> {
  const own = await unlessAborted(exchange(), stopping);
  const others = own.files.filter(other => other !== own.file);
  await unlessAborted(readAhead(disks.others, others), stopping);
  const { file, tls } = inForce.config;
  let badCertificates: FileError | undefined;
  const onBadCertificates = (error: FileError): void => void (badCertificates = error);
  const config = readConfig(file, clock.wallMs(), { tls, onBadCertificates });
  exchangeIn(inForce, config);
  const policy = await unlessAborted(readPolicy(config, disks.others), stopping);
  return { config, policy, badCertificates };
}

async function bringIntoForce(
  options: ReloadOptions,
  before: Changing,
  { config, policy }: ReadFiles,
): Promise<void> {
  const { inForce, gate, logger } = options;
  const { revision } = policy;
  const isSame = revision.digest === before.loaded?.revision.digest;
  if (isSame && before.loaded !== undefined)
    inForce.change({ config, loaded: { ...before.loaded, profiles: policy.profiles, gaps: policy.gaps } });
  else {
    const next = { config, loaded: toLoaded(policy) };
    if ((await gate.get().adopt(next)) === 'stale')
      throw new NotWithoutRestart(
        `the policy revision ${revision.digest} was active before and was replaced: to go back to it, restart one gate with --activate`,
      );
    warnOfMissingLimits(inForce, logger);
    warnOfLimitGaps(inForce, logger);
  }
  warnOfOpenKeys(config.actions.values(), logger);
  const told = {
    config: config.file,
    policy_revision: revision.digest,
    principals: changedPrincipals(before.config.principals, config.principals),
  };
  if (isSame) tellSame(options, told);
  else
    logger.info(
      { ...told, before: before.loaded?.revision.digest ?? null },
      'loaded again: the principals, and another policy revision, which is the active one now',
    );
}

/** Who copied to the wrong folder must not read that all is well: what is loaded is as it was, and another one may be active. */
function tellSame({ gate, logger }: ReloadOptions, told: { readonly policy_revision: string }): void {
  // As it was half a second ago: a key that must be gone waits for no database, and a change since then is a line of its own.
  const active = gate.current?.ledger.activePolicy();
  if (active === undefined || active === told.policy_revision)
    logger.info(told, 'loaded again: the principals; the policy and the limits are what they were');
  else
    logger.warn(
      { ...told, active },
      'loaded again: the principals; the policy and the limits are what they were, and not the active ones: nothing is decided here. Look whether the files that are active have come to where this gate reads them, and send SIGHUP again; or restart it, with --activate if its own are right for all gates',
    );
}

/** After all else, and told apart: by now the rest is in force, whatever becomes of this. */
function areRenewed(
  { logger, ...options }: ReloadOptions,
  tls: TlsConfig | undefined,
  bad: FileError | undefined,
): boolean {
  try {
    if (bad !== undefined) throw bad;
    if (tls !== undefined) options.renewCertificates(tls);
    return true;
  } catch (thrown) {
    const error = asError(thrown);
    logger.error(
      error instanceof FileError ? { problems: error.problems } : { err: error },
      'the certificates could not be renewed: new connections are still made with those from before',
    );
    return false;
  }
}

/** By name, and without values: a store's URL may hold a password. */
function changedParts(before: Config, after: Config): string[] {
  const [one, other] = [fixedParts(before), fixedParts(after)];
  return [...new Set([...one.keys(), ...other.keys()])].filter(name => one.get(name) !== other.get(name));
}

/**
 * What a gate is made of once, for good. Kinds and actions too: what is open in it (requests half way, claims, loads) was begun
 * by them. The addresses of executors, because an attempt must not end elsewhere than it was allowed for.
 */
function fixedParts(config: Config): ReadonlyMap<string, string> {
  const { kinds, actions } = policyScope(config);
  return new Map([
    ['listen', canonicalJson(config.listen)],
    // Whether there is TLS, and whether clients must show a certificate; the certificates themselves are renewed.
    ['tls', config.tls === undefined ? 'none' : `of clients: ${config.tls.pem.ca !== undefined}`],
    ['public_url', config.publicUrl ?? ''],
    ['store', canonicalJson(config.store)],
    ['kill_file', config.killFile],
    ['checkpoints', config.checkpoints],
    ...Object.entries(kinds).map(([name, kind]): [string, string] => [`kinds.${name}`, canonicalJson(kind)]),
    ...Object.entries(actions).map(([name, action]): [string, string] => {
      const executor = config.actions.get(name)?.executor;
      const at = { url: executor?.url.href ?? '', bearer: executor?.bearerFile ?? null };
      return [`actions.${name}`, canonicalJson({ ...action, at })];
    }),
  ]);
}

/** By name, for whoever wants to see that the right one is out. */
function changedPrincipals(before: readonly Principal[], after: readonly Principal[]) {
  const form = (principal: Principal): string =>
    canonicalJson({ keys: principal.keys.toSorted(), ...describePrincipal(principal) });
  const [old, now] = [before, after].map(list => new Map(list.map(one => [one.name, form(one)])));
  const namesIn = (list: readonly Principal[], is: (name: string) => boolean): string[] =>
    list.map(({ name }) => name).filter(is);
  return {
    added: namesIn(after, name => old?.has(name) !== true),
    removed: namesIn(before, name => now?.has(name) !== true),
    changed: namesIn(after, name => old?.has(name) === true && old.get(name) !== now?.get(name)),
  };
}
