import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';

import { createReads } from './audit/queries.ts';
import type { Config } from './config/config.ts';
import { loadLimits } from './config/limits-file.ts';
import { policyScope } from './config/policy-scope.ts';
import { readConfig } from './config/read-config.ts';
import { migrate } from './db/migrate.ts';
import { openStore, type Store } from './db/store.ts';
import { StoreRefused } from './db/store-refused.ts';
import { Gate, type LoadedPolicy } from './gate.ts';
import { createHttpServer } from './intake/server.ts';
import { watchUnread } from './intake/unread.ts';
import { canonicalJson } from './kit/canonical-json.ts';
import { systemClock, type Clock } from './kit/clock.ts';
import { sha256 } from './kit/digest.ts';
import { asError, Fault } from './kit/fault.ts';
import { freshId } from './kit/ids.ts';
import type { Logger } from './kit/logger.ts';
import { createMetrics } from './metrics/metrics.ts';
import { loadBundle } from './policy/bundle.ts';
import { createPolicy } from './policy/create-policy.ts';
import { portsOf } from './ports.ts';

export interface StartOptions {
  readonly configFile: string;
  /** Activate this policy revision even if it was active before. */
  readonly activate: boolean;
  readonly logger: Logger;
  readonly clock?: Clock;
}

export interface RunningGate {
  /** `http://host:port`, where it listens. */
  readonly address: string;
  /** Finishes claimed work, answers what waits, ends. */
  close(): Promise<void>;
}

/** A body that is on its way when the gate stops has this long to arrive. */
const LAST_BODY_MS = 5_000;

/** Between two tries to reach a database that was away at start. */
const CONNECT_AGAIN_MS = 1_000;

/**
 * Starts a gate. One whose policy is missing, or whose database is away, starts all the same: it answers 503, and the kill
 * switch works as far as it can.
 * @throws FileError with every problem of the configuration or the limits file
 * @throws StoreRefused if the store must not be used
 */
export async function startGate(options: StartOptions): Promise<RunningGate> {
  const { logger, clock = systemClock } = options;
  const config = readConfig(options.configFile);
  const loaded = await loadPolicy(config, logger);
  const store = await openStore(config.store, logger);
  const metrics = createMetrics({
    actions: new Set(config.actions.keys()),
    wallMs: () => clock.wallMs(),
    process: true,
  });
  const gate = new LateGate();
  const open = async (): Promise<void> => {
    await migrate(store.pool);
    const opened = new Gate({
      gateId: freshId(),
      config,
      store,
      loaded,
      clock,
      metrics,
      logger,
      readFile: file => readFile(file, 'utf8'),
    });
    if ((await opened.activate(options.activate)) === 'stale') {
      logger.error(
        'this policy revision was active before and is not now: nothing is decided here; --activate makes it the active one',
      );
    }
    opened.start();
    gate.open(opened);
  };
  const opening = await openOrRetry(open, store, logger, gate);
  const ports = portsOf({ gate, config, loaded, reads: createReads(store.db) });
  const server = createHttpServer({ ports, principals: config.principals, clock, metrics, logger });
  const hangUpOnUnread = watchUnread(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.listen.port, config.listen.host, resolve);
  });
  return {
    address: addressOf(server.address()),
    close: async () => {
      gate.stop();
      opening.stop();
      // Who waits for an outcome is answered now: 202, with the place to look.
      const closed = new Promise(resolve => server.close(resolve));
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      const unread = setTimeout(hangUpOnUnread, LAST_BODY_MS);
      await gate.current?.close();
      await closed;
      clearInterval(idle);
      clearTimeout(unread);
      await store.close();
    },
  };
}

/** Holds the gate, once there is one: until the database was reached for the first time there is none. */
export class LateGate {
  current: Gate | undefined;
  stopping = false;

  open(gate: Gate): void {
    this.current = gate;
  }

  stop(): void {
    this.stopping = true;
  }

  /** @throws Fault `store.unavailable` before the database was reached */
  get(): Gate {
    if (this.current === undefined) throw new Fault('store.unavailable', 'The database was not reached yet.');
    return this.current;
  }

  /** For what would begin something new. @throws Fault `gate.stopping`, or as `get` */
  getUnlessStopping(): Gate {
    if (this.stopping)
      throw new Fault(
        'gate.stopping',
        'This gate is stopping. Ask another one, or this one when it is back.',
      );
    return this.get();
  }
}

async function openOrRetry(
  open: () => Promise<void>,
  store: Store,
  logger: Logger,
  gate: LateGate,
): Promise<{ stop(): void }> {
  let timer: NodeJS.Timeout | undefined;
  const retry = (): void => {
    timer = setTimeout(() => {
      open().catch((thrown: unknown) => {
        logger.warn({ err: asError(thrown) }, 'the database is away');
        if (!gate.stopping) retry();
      });
    }, CONNECT_AGAIN_MS);
  };
  try {
    await open();
  } catch (thrown) {
    if (thrown instanceof StoreRefused || store.embedded) {
      await store.close();
      throw thrown;
    }
    logger.error({ err: asError(thrown) }, 'the database is away: nothing is decided until it is back');
    retry();
  }
  return { stop: () => clearTimeout(timer) };
}

/** @throws FileError for the limits file; a bundle that cannot be loaded leaves the gate without a policy */
async function loadPolicy(config: Config, logger: Logger): Promise<LoadedPolicy | undefined> {
  try {
    const bundle = await loadBundle(config.policies);
    const limits = loadLimits(config.limitsFile, config.kinds, config.actions, bundle.manifests);
    const policy = createPolicy(bundle, limits);
    const limitsDigest = sha256(canonicalJson(limits));
    const digest = sha256(
      canonicalJson({ bundle: bundle.digest, limits: limitsDigest, ...policyScope(config) }),
    );
    return {
      policy,
      revision: { digest, bundle: { revision: bundle.revision, digest: bundle.digest }, limitsDigest },
    };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    logger.error({ err: thrown }, 'the policy could not be loaded: nothing is decided');
    return undefined;
  }
}

function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
