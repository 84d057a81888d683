import { setTimeout as sleep } from 'node:timers/promises';

import { weightsOf, type Config } from './config/config.ts';
import type { Store } from './db/store.ts';
import { EvidenceRoom } from './evidence/evidence.ts';
import { forward } from './forward/forward.ts';
import { LateAnswers } from './forward/late-answers.ts';
import { Guard } from './guard.ts';
import { IdleProtection } from './idle-protection.ts';
import { definitionOf } from './inventory/describe-kind.ts';
import type { Flip, InventoryEntry } from './inventory/flip.ts';
import { Inventory } from './inventory/inventory.ts';
import type { Changing, InForce } from './in-force.ts';
import type { GuardPort } from './intake/ports.ts';
import { KillSwitch } from './kill-switch/kill-switch.ts';
import { killFileEngages } from './kill-switch/kill-file.ts';
import { asError } from './kit/fault.ts';
import { InFlight } from './kit/in-flight.ts';
import { isRefusal, type Refusal } from './kit/refusal.ts';
import type { Clock } from './kit/clock.ts';
import { Trouble } from './kit/trouble.ts';
import type { Logger } from './kit/logger.ts';
import { sharedRead } from './kit/together.ts';
import { activateAtStart, activatePolicy, type Activation, type Start } from './ledger/activate.ts';
import type { KeptJump } from './ledger/clock-watch.ts';
import type { LockedTurn, Turn } from './ledger/turn.ts';
import { Ledger, UNDECIDED_MS } from './ledger/ledger.ts';
import { isTriedAgain, type Operation } from './ledger/operation.ts';
import type { Deciding } from './ledger/deciding.ts';
import type { Metrics } from './metrics/metrics.ts';
import { observeStanding } from './standing.ts';
import { Outcomes } from './outcome/outcomes.ts';
import { PolicyNotice, tellActivated } from './policy-notice.ts';
import { createReadsBefore } from './reads-before.ts';
import { resolveTargets } from './targets/resolve.ts';
import type { LoadedPolicy } from './load-policy.ts';
import { compileParameterChecks } from './validate/parameters.ts';
import { warnOfSwitches } from './warn-of-switches.ts';
import { warnOfUndeclared } from './warn-of-undeclared.ts';

export interface GateOptions {
  readonly gateId: string;
  readonly config: Config;
  readonly store: Store;
  readonly inForce: InForce;
  readonly clock: Clock;
  readonly keptJump?: KeptJump;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly readFile: (file: string) => Promise<string>;
  /** Called for each batch that failed: the database may be away, or another one by now. */
  readonly onFailedBatch: () => void;
}

/** How often what waits is looked at, and what nobody answers for is swept. */
const TICK_MS = 500;

/** A scrape waits this long for the ledger. */
const GAUGE_MS = 1_000;

/** The rooms of the way over one store: everything of a gate that is not HTTP. */
export class Gate {
  readonly ledger: Ledger;
  readonly guard: GuardPort;
  readonly outcomes: Outcomes;
  readonly killSwitch: KillSwitch;
  readonly evidence: EvidenceRoom;
  readonly inventory: Inventory;
  readonly options: GateOptions;
  activation: Activation | 'none' = 'none';
  readonly #calls = new InFlight();
  readonly #idleProtection: IdleProtection;
  readonly #policyNotice: PolicyNotice;
  readonly #lookTrouble: Trouble;
  readonly #gaugeTrouble: Trouble;
  #ticking: Promise<void> | undefined;
  /** Scrapes need no key: all that come at once are one look at the ledger. */
  readonly #gaugesRead = sharedRead(
    async () => await this.ledger.enqueue(turn => observeStanding(turn, this.options)),
    UNDECIDED_MS,
  );
  readonly #definitions: ReadonlyMap<string, string>;
  readonly #killFileEngages = (): boolean => killFileEngages(this.options.config.killFile);
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GateOptions) {
    this.options = options;
    this.#policyNotice = new PolicyNotice(options.logger);
    this.#idleProtection = new IdleProtection(options);
    this.#lookTrouble = new Trouble(options.logger, options.clock, {
      begins: 'the store could not be looked at',
      over: 'the store can be looked at again',
    });
    this.#gaugeTrouble = new Trouble(options.logger, options.clock, {
      begins: 'the gauges could not be read',
      over: 'the gauges can be read again',
    });
    const { config } = options;
    this.#definitions = new Map([...config.kinds].map(([name, kind]) => [name, definitionOf(kind)]));
    this.ledger = this.#createLedger();
    this.outcomes = this.#createOutcomes();
    this.guard = this.#createGuard();
    this.killSwitch = new KillSwitch({
      ...config,
      ledger: this.ledger,
      get principals() {
        return options.inForce.principals;
      },
    });
    this.evidence = new EvidenceRoom({
      kinds: config.kinds,
      ledger: this.ledger,
      get policy() {
        const { loaded } = options.inForce;
        return loaded && { limits: loaded.policy.limits, digest: loaded.revision.digest };
      },
    });
    this.inventory = this.#createInventory();
  }

  #createLedger(): Ledger {
    const { config, store, inForce, clock, keptJump, logger, metrics, onFailedBatch } = this.options;
    return new Ledger({
      db: store.ledgerDb,
      kinds: config.kinds,
      actions: config.actions,
      get limits() {
        return inForce.loaded?.policy.limits;
      },
      clock,
      ...(keptJump !== undefined && { keptJump }),
      logger,
      onOperation: operation => {
        this.outcomes.waiters.tell(operation);
        this.#tellUnknown(operation);
      },
      onOutcome: operation => this.#observe(operation),
      onBatch: (jobs, durationMs) => metrics.batchObserved(jobs, durationMs),
      onFailedBatch: () => {
        metrics.batchFailed();
        onFailedBatch();
      },
    });
  }

  #createOutcomes(): Outcomes {
    const { config, store, inForce, clock, logger, metrics, gateId } = this.options;
    const late = new LateAnswers(logger);
    return new Outcomes({
      gateId,
      db: store.db,
      ledger: this.ledger,
      actions: config.actions,
      kinds: config.kinds,
      definitions: this.#definitions,
      get observers() {
        return inForce.observers;
      },
      get policyDigest() {
        return inForce.loaded?.revision.digest;
      },
      get limits() {
        return inForce.loaded?.policy.limits;
      },
      killFileEngages: this.#killFileEngages,
      resolveIds: async (turn, name, ids, revision) => await this.#resolveIds(turn, name, ids, revision),
      logger,
      clock,
      alone: store.embedded,
      forward: async (permit, stopped) =>
        await forward(permit, {
          clock,
          readText: async file => await this.#readKey(file),
          stopped,
          late,
          // Looked at in the claim already; a commit may have taken long since.
          beforeWrite: () => {
            if (this.#killFileEngages()) throw new Error('the kill file engages this gate');
          },
        }),
      observe: durationMs => metrics.forwardObserved(durationMs),
    });
  }

  #createGuard(): GuardPort {
    const { config, store, clock, metrics } = this.options;
    const guard = new Guard({
      actions: config.actions,
      kinds: config.kinds,
      ledger: this.ledger,
      outcomes: this.outcomes,
      parameterChecks: compileParameterChecks(config.actions),
      reads: createReadsBefore(store, name => {
        const kind = config.kinds.get(name);
        return kind !== undefined && weightsOf(kind).length > 0;
      }),
      clock,
      metrics,
      deciding: this.#deciding(),
    });
    return {
      submit: async (...asked) => await this.#calls.run(async () => await guard.submit(...asked)),
      preflight: async (...asked) => await this.#calls.run(async () => await guard.preflight(...asked)),
    };
  }

  /** What is in force is looked at for each request. */
  #deciding(): Deciding {
    const { inForce, gateId } = this.options;
    return {
      gateId,
      get policy() {
        const { loaded } = inForce;
        return loaded && { loaded: loaded.policy, digest: loaded.revision.digest };
      },
      definitions: this.#definitions,
      killFileEngages: this.#killFileEngages,
      get observers() {
        return inForce.observers;
      },
      resolve: async (turn, { kind, named }, revision) =>
        await resolveTargets(turn.db, kind.name, named, revision, weightsOf(kind).length > 0),
    };
  }

  #createInventory(): Inventory {
    const { config, store, clock, logger } = this.options;
    return new Inventory({
      db: store.db,
      embedded: store.embedded,
      kinds: config.kinds,
      ledger: {
        arrive: async () =>
          await this.ledger.enqueue(({ nowMs, draft, book }) => ({
            nowMs,
            seq: draft.seq,
            isStale: this.#isStale(book),
          })),
        flip: async flip => await this.#flip(flip),
      },
      clock,
      logger,
    });
  }

  /** Makes this gate's policy the active one, if it may be. */
  async activate(start: Start): Promise<void> {
    const { inForce, gateId } = this.options;
    const { loaded } = inForce;
    if (loaded !== undefined) {
      let before: string | undefined;
      this.activation = await this.ledger.enqueueAlone(turn => {
        before = turn.book.activePolicy;
        return activateAtStart(turn, loaded.revision, start, gateId);
      });
      if (this.activation === 'activated') tellActivated(this.options.logger, loaded.revision, before);
      if (this.activation === 'overtaken') this.#policyNotice.overtaken(loaded.revision.digest, before);
    }
    await this.#warnOfIdleGuards();
    // Names of the gates that decide are no news to one that does not.
    if (this.activation !== 'stale') await warnOfUndeclared(this.ledger, this.options);
  }

  /**
   * Makes another policy the active one, and what comes with it the one in force here, between two turns; or neither.
   * @returns `stale` where it was active before and is not now: nothing has changed then
   */
  async adopt(next: Changing & { readonly loaded: LoadedPolicy }): Promise<Activation> {
    const { inForce, gateId } = this.options;
    let activation: Activation = 'stale';
    await this.ledger.adopt(
      turn => {
        activation = activatePolicy(turn, next.loaded.revision, false, gateId);
      },
      () => {
        if (activation !== 'stale') inForce.change(next);
      },
    );
    await this.#warnOfIdleGuards();
    return activation;
  }

  async #flip(flip: Flip): Promise<InventoryEntry | Refusal> {
    const flipped = await this.ledger.enqueueAlone(
      async turn => await appendFlip(turn, flip, this.#isStale(turn.book)),
    );
    if (!isRefusal(flipped)) await this.#warnOfIdleGuards();
    return flipped;
  }

  /** Before the first policy is active, as on a store whose gate never had one, there is none that it could stop. */
  #isStale({ activePolicy }: Turn['book']): boolean {
    return activePolicy !== undefined && activePolicy !== this.options.inForce.loaded?.revision.digest;
  }

  async #warnOfIdleGuards(): Promise<void> {
    const { logger } = this.options;
    this.#idleProtection.look();
    try {
      await this.ledger.enqueue(({ book }) => warnOfSwitches(book, logger));
    } catch (thrown) {
      logger.warn({ err: asError(thrown) }, 'whether each switch stops anything could not be told');
    }
  }

  /** Whoever asked is told of no file: the log names it. */
  async #readKey(file: string): Promise<string> {
    const { logger, readFile } = this.options;
    try {
      return await readFile(file);
    } catch (thrown) {
      logger.error({ err: asError(thrown) }, "an executor's key cannot be read: nothing was sent to it");
      throw thrown;
    }
  }

  /** Begins to claim what waits and to sweep what is lost. */
  start(): void {
    this.#timer = setInterval(() => {
      this.#ticking ??= this.#tick().finally(() => {
        this.#ticking = undefined;
      });
    }, TICK_MS);
  }

  async #tick(): Promise<void> {
    try {
      await this.ledger.tryWriting();
      await this.outcomes.tick();
      const { loaded } = this.options.inForce;
      if (loaded !== undefined) this.#policyNotice.look(loaded.revision.digest, this.ledger.activePolicy());
      this.#lookTrouble.over();
    } catch (thrown) {
      this.#lookTrouble.met(asError(thrown));
    }
  }

  /** Sets the gauges of the ledger to what it says; leaves them as they were if it does not say soon: a scrape must not wait. */
  async readGauges(): Promise<void> {
    const { metrics } = this.options;
    const read = this.#gaugesRead().then(
      () => {
        metrics.databaseObserved(this.ledger.takes === 'all');
        this.#gaugeTrouble.over();
      },
      (thrown: unknown) => {
        metrics.databaseObserved(false);
        this.#gaugeTrouble.met(asError(thrown));
      },
    );
    await Promise.race([read, sleep(GAUGE_MS, undefined, { ref: false })]);
  }

  #observe(operation: Operation): void {
    this.options.metrics.outcomeObserved(operation.action, operation.outcome);
  }

  /** A line that calls a person comes once nobody is asked again. */
  #tellUnknown(operation: Operation): void {
    const { id: request, action, outcome, detail } = operation;
    if (outcome !== 'unknown' || operation.phase === 'claimed') return;
    const { logger } = this.options;
    if (isTriedAgain(operation))
      logger.info({ request, action, detail }, 'an attempt is unknown: its executor is asked again');
    else
      logger.warn(
        { request, action, detail },
        'an outcome is unknown: it waits for the executor, or for an operator who settles it',
      );
  }

  async #resolveIds(turn: Turn, name: string, ids: readonly string[], revision: number) {
    const [first, ...rest] = ids;
    if (first === undefined) throw new Error('a frozen target set without targets');
    return await resolveTargets(turn.db, name, { ids: [first, ...rest] }, revision);
  }

  /** Claims nothing more, answers who waits, and ends when what is on the wire has ended. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#ticking;
    this.outcomes.stop();
    this.inventory.stop();
    await this.#idleProtection.stop();
    // What was asked before is decided, and what that claims is sent: only then can nothing more come.
    await this.#calls.ended();
    await this.ledger.drained();
    await this.outcomes.ended();
    await this.inventory.ended();
  }
}

async function appendFlip(turn: LockedTurn, flip: Flip, isStale: boolean): Promise<InventoryEntry | Refusal> {
  const { draft, tx } = turn;
  const { nowMs, seq, version } = draft;
  const flipped = await flip(tx, { nowMs, seq: seq + 1, version, isStale });
  if (!isRefusal(flipped)) draft.append('inventory', flipped);
  return flipped;
}
