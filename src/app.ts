import { createReads } from './audit/queries.ts';
import { JumpFile } from './checkpoint/open-jump.ts';
import type { ChainHead } from './checkpoint/checkpoint.ts';
import { Checkpoints } from './checkpoint/checkpoints.ts';
import { isRecorded, readChain } from './checkpoint/queries.ts';
import type { Restored } from './checkpoint/restored.ts';
import type { Config } from './config/config.ts';
import { readVersion } from './config/version.ts';
import { refuseMissingRights } from './db/grants.ts';
import { refuseMissingGuards } from './db/guards.ts';
import { compareMigrations, migrate } from './db/migrate.ts';
import { refuseMissingRows } from './db/missing-rows.ts';
import { refuseTakenNumbers } from './db/numbering.ts';
import { openStore } from './db/store.ts';
import {
  describeStart,
  tellReady,
  warnOfLimitGaps,
  warnOfMissingLimits,
  warnOfNoOperator,
  warnOfOpenKeys,
} from './describe-start.ts';
import { createReadKeys } from './forward/read-keys.ts';
import { Gate, type GateOptions } from './gate.ts';
import { InForce } from './in-force.ts';
import { createHttpServer } from './intake/server.ts';
import { serveOn, type Serving } from './intake/serving.ts';
import { killFileEngages } from './kill-switch/kill-file.ts';
import { watchKillFile } from './kill-switch/watch-kill-file.ts';
import { systemClock, type Clock } from './kit/clock.ts';
import { DiskLane } from './kit/disk-lane.ts';
import { FileThreads } from './kit/file-threads.ts';
import { freshId } from './kit/ids.ts';
import type { Logger } from './kit/logger.ts';
import { LateGate, type Lateness } from './late-gate.ts';
import type { Start } from './ledger/activate.ts';
import { loadPolicy } from './load-policy.ts';
import { createMetrics } from './metrics/create-metrics.ts';
import { portsOf } from './ports.ts';
import { readConfigAhead } from './read-ahead.ts';
import { createReload } from './reload.ts';
import { watchFiles } from './watch-files.ts';

export interface StartOptions {
  readonly configFile: string;
  /** Activate this policy revision even if it was active before. */
  readonly activate: boolean;
  /** Said of a database that was put back on purpose, and is behind its newest checkpoint. */
  readonly restored?: Restored;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Instead of what reads the bundle and the limits. */
  readonly loadPolicy?: typeof loadPolicy;
}

export interface RunningGate {
  /** `http://host:port`, or https, where it listens. */
  readonly address: string;
  /** Reads its files again, and says in the log what came of it. Never rejects. */
  reload(): Promise<void>;
  /** Finishes claimed work, answers what waits, ends. */
  close(): Promise<void>;
}

/**
 * Starts a gate. One whose policy is missing, or whose database is away, starts all the same: it answers 503, and the kill
 * switch works as far as it can.
 * @throws FileError with every problem of the configuration or the limits file
 * @throws StoreRefused if the store must not be used
 */
export async function startGate(options: StartOptions): Promise<RunningGate> {
  const { logger, clock = systemClock } = options;
  const gate = new LateGate(logger, clock);
  const { threads, disks, readFile } = shareThreads();
  const { config, inForce } = await readFiles(options, clock, disks.others);
  const store = await openStore(config.store, logger);
  const metrics = createMetrics({
    actions: new Set(config.actions.keys()),
    kinds: config.kinds,
    version: readVersion(),
    wallMs: () => clock.wallMs(),
    process: true,
  });
  const known = (): ChainHead | undefined => gate.current?.ledger.lastEntry();
  const opened = { config, store, clock, logger, metrics };
  const { checkpoints, keptJump } = await openBeside(opened, known, threads);
  // What was seen, and a switch: a gate that is killed before the next minute must not start on a database that lacks it.
  const signNow = (): void => void checkpoints.lookAnew();
  const ports = portsOf({ gate, config, inForce, metrics, reads: createReads(store), signNow });
  const principals = (): Config['principals'] => inForce.principals;
  const http = createHttpServer({ ...config, ports, principals, clock, metrics, logger });
  const reloading = createReload({
    inForce,
    disks,
    gate,
    logger,
    clock,
    metrics,
    renewCertificates: tls => {
      http.renew(tls);
      metrics.certificateObserved(tls.expiresMs);
    },
  });
  if (config.tls !== undefined) metrics.certificateObserved(config.tls.expiresMs);
  const watches = [watchKillFile(config.killFile, logger), watchFiles(inForce, disks.others, logger)];
  let serving: Serving | undefined;
  const close = async (): Promise<void> => {
    gate.stop();
    for (const watch of watches) watch.stop();
    // At once: until it closes, the gate claims and forwards.
    await Promise.all([reloading.end(), serving?.close(async () => await gate.close())]);
    if (gate.current !== undefined) await checkpoints.close();
    await store.close();
  };
  try {
    // Listens first: a gate that cannot must not have made its policy the active one.
    serving = await serveOn(http, config.listen);
    const parts = { ...opened, keptJump, inForce, readFile, onFailedBatch: signNow };
    const { address } = serving;
    const open = async (late: Lateness): Promise<Gate> => {
      const start = { again: options.activate, ...late };
      const begun = await openGate(parts, start, checkpoints, options.restored);
      tellReady(logger, address, begun.activation);
      return begun;
    };
    await gate.open(open, !store.embedded);
    checkpoints.start();
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { address: serving.address, reload: async () => await reloading.reload(), close };
}

/** What reads files, by threads that are counted together. */
function shareThreads() {
  const threads = new FileThreads();
  const lane = (): DiskLane => new DiskLane(threads);
  return { threads, disks: { own: lane(), others: lane() }, readFile: createReadKeys(threads) };
}

/** What the files say, and in the log what of it somebody should look at. @throws FileError */
async function readFiles(
  options: StartOptions,
  clock: Clock,
  disk: DiskLane,
): Promise<{ readonly config: Config; readonly inForce: InForce }> {
  const { logger } = options;
  const config = await readConfigAhead(options.configFile, clock.wallMs(), disk);
  const loaded = await (options.loadPolicy ?? loadPolicy)(config, logger, disk);
  logger.info(describeStart(config, loaded), 'starting');
  const inForce = new InForce({ config, loaded });
  warnOfNoOperator(inForce.principals, logger);
  warnOfMissingLimits(inForce, logger);
  warnOfLimitGaps(inForce, logger);
  warnOfOpenKeys(config.actions.values(), logger);
  if (options.restored !== undefined && !killFileEngages(config.killFile))
    logger.warn(
      { kill_file: config.killFile },
      'started on a restored database without the kill file: engaged switches and spent budgets may be forgotten, and requests are forwarded at once',
    );
  return { config, inForce };
}

/** What is kept outside the database. @throws StoreRefused, with the store closed */
async function openBeside(
  parts: Pick<GateOptions, 'config' | 'store' | 'clock' | 'logger' | 'metrics'>,
  known: () => ChainHead | undefined,
  threads: FileThreads,
): Promise<{ readonly checkpoints: Checkpoints; readonly keptJump: JumpFile }> {
  const { config, store, clock, logger, metrics } = parts;
  try {
    const read = async (seq: number) => await readChain(store.db, seq);
    const checkpoints = await Checkpoints.open({
      file: config.checkpoints,
      readChain: read,
      isRecorded: async said => await isRecorded(store.db, said),
      alone: store.embedded,
      known,
      threads,
      onLook: isWritten => metrics.checkpointsObserved(isWritten),
      clock,
      logger,
    });
    const keptJump = await JumpFile.open({ checkpoints: config.checkpoints, threads, logger });
    return { checkpoints, keptJump };
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

/** Migrates the store, compares it with its newest checkpoint, and opens a gate on it that claims and sweeps. */
async function openGate(
  parts: Omit<GateOptions, 'gateId'>,
  start: Start,
  checkpoints: Checkpoints,
  said: Restored | undefined,
): Promise<Gate> {
  await refuseMissingRights(parts.store.pool);
  const { landed, missing } = await compareMigrations(parts.store.pool);
  if (landed === 0) checkpoints.expectEmpty(said);
  if (landed > 0 && missing.length > 0)
    parts.logger.info(
      { migrations: missing },
      'the database is being brought to this version: a large table takes its time',
    );
  const migrations = await migrate(parts.store.migrating);
  if (migrations.length > 0) parts.logger.info({ migrations }, 'the database was brought to this version');
  await refuseMissingGuards(parts.store.db);
  await refuseMissingRows(parts.store.pool);
  await refuseTakenNumbers(parts.store.pool);
  // Before anything is written: even the policy's activation would be an entry of a history that is behind.
  const restored = await checkpoints.anchor(said);
  const gate = new Gate({ ...parts, gateId: freshId() });
  await gate.ledger.begin();
  if (restored !== undefined) await checkpoints.goOn(async () => await doubtRestored(gate, restored));
  await gate.activate(start);
  await gate.inventory.begin();
  await checkpoints.begin();
  // Last, for it claims what waits: until this returns nobody reaches the gate to engage the switch, and a disk that hangs keeps it for seconds.
  gate.start();
  return gate;
}

async function doubtRestored(gate: Gate, restored: Restored): Promise<void> {
  const requests = await gate.outcomes.doubtRestored(restored);
  if (requests > 0)
    gate.options.logger.warn(
      { requests },
      'what waited in the database that was put back may have been sent in the history that was given up: it is unknown now',
    );
}
