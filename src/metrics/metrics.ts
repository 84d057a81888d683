import type { Kind } from '../config/config.ts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Scope } from '../ledger/book.ts';
import type { DecisionDocument, OutcomeStatus } from '../ledger/decision.ts';
import { createStandingGauges, type Standing } from './standing.ts';

/** What the gate counts. Observing never throws and never waits, so that it may stand anywhere on the way. */
export interface Metrics {
  /** A recorded decision; `action` is undefined where it was not read, `targets` 0 where none were resolved. */
  decisionObserved(observed: DecisionObserved): void;
  /** What left no record: a body, header or key that was refused before it was looked at. */
  unrecordedObserved(rule: string): void;
  /** Every time an outcome comes to be, pending included. */
  outcomeObserved(action: string, status: OutcomeStatus): void;
  /** One attempt, from the claim to its outcome. */
  forwardObserved(durationMs: number): void;
  /** All that the ledger says is engaged now, by the names that `scopeName` gives. */
  killSwitchObserved(scopes: readonly string[]): void;
  /** Whether the kill file engages this gate. Not the ledger's: it counts where there is no database. */
  killFileObserved(engages: boolean): void;
  /** The inventory in force of a kind, or what one of its feeds brought beside what exists; its age is computed when it is asked for. */
  inventoryObserved(kind: string, asOfMs: number, source?: string): void;
  policyObserved(revision: string): void;
  /** What one look at the ledger found. */
  standingObserved(standing: Standing): void;
  /** Whether the database answered that look. */
  databaseObserved(isThere: boolean): void;
  /** A load of an inventory that came to its end. */
  loadObserved(kind: string, method: 'put' | 'patch', result: 'loaded' | 'refused' | 'trial'): void;
  /** A batch of the ledger, from its begin to its commit. */
  batchObserved(jobs: number, durationMs: number): void;
  /** The head of the audit chain was looked at, and is signed in the file of checkpoints, or could not be. */
  checkpointsObserved(areWritten: boolean): void;
  /** The files were read again, and all of them are in force, or not. */
  reloadObserved(isLoaded: boolean): void;
  /** The certificate that is shown from now on, and the Unix time at which it is over, in milliseconds. */
  certificateObserved(expiresMs: number): void;
  /** A batch of the ledger that had to be rolled back; its jobs are run again one by one, which must not hide why. */
  batchFailed(): void;
  /** Prometheus' text format, and its content type. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface DecisionObserved {
  readonly action: string | undefined;
  readonly decision: DecisionDocument['decision'];
  /** Of the first reason; undefined when allowed. */
  readonly rule: string | undefined;
  readonly targets: number;
  readonly durationMs: number;
}

export interface MetricsOptions {
  /** Only these become labels: a label that a client makes up would be memory that a client fills. */
  readonly actions: ReadonlySet<string>;
  readonly kinds: ReadonlyMap<string, Pick<Kind, 'maxAgeMs' | 'sources'>>;
  readonly version: string;
  readonly wallMs: () => number;
  /** Also what node and the machine say of this process. Once a process. */
  readonly process?: boolean;
}

const EVERYTHING = 'everything';
const KILL_FILE = 'kill-file';

/** `everything`, `action:disk.wipe` or `region:eu`: the label of a switch. */
export function scopeName(scope: Scope): string {
  if ('action' in scope) return `action:${scope.action}`;
  if ('dimension' in scope) return `${scope.dimension}:${scope.value}`;
  return EVERYTHING;
}

const DECISION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const FORWARD_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.process === true) collectDefaultMetrics({ register: registry });
  const known = (action: string | undefined): string =>
    action !== undefined && options.actions.has(action) ? action : 'unknown';

  const decisions = new Counter({
    name: 'interlock_decisions_total',
    help: 'Decisions, by the rule of the first reason; empty when allowed. Refusals that leave no record are of the action `unknown`.',
    labelNames: ['action', 'decision', 'rule'],
    registers,
  });
  const decisionSeconds = new Histogram({
    name: 'interlock_decision_duration_seconds',
    help: 'From the body read whole to the decision recorded.',
    buckets: DECISION_BUCKETS_S,
    registers,
  });
  const targets = new Counter({
    name: 'interlock_targets_total',
    help: 'Targets of recorded decisions.',
    labelNames: ['action', 'decision'],
    registers,
  });
  const forwardSeconds = new Histogram({
    name: 'interlock_forward_duration_seconds',
    help: 'One attempt at an executor, from the claim to its outcome.',
    buckets: FORWARD_BUCKETS_S,
    registers,
  });
  const outcomes = new Counter({
    name: 'interlock_outcomes_total',
    help: 'Outcomes as they came to be.',
    labelNames: ['action', 'status'],
    registers,
  });
  const engaged: Engaged = {};
  registry.registerMetric(engagedScopes(engaged));
  const readAt = new Map<string, ReadAt>();
  registry.registerMetric(inventoryAge(readAt, options.wallMs));
  const policy = new Gauge({
    name: 'interlock_policy_info',
    help: 'The policy revision that this gate decides with.',
    labelNames: ['revision'],
    registers,
  });

  const failedBatches = new Counter({
    name: 'interlock_ledger_failed_batches_total',
    help: 'Batches of the ledger that were rolled back, or whose commit ended without an answer. The log says why.',
    registers,
  });

  const maxAge = new Gauge({
    name: 'interlock_inventory_max_age_seconds',
    help: 'How old the inventory of a kind, or what a source brings to it, may be before every decision on it is refused.',
    labelNames: ['kind', 'source'],
    registers,
  });
  for (const [kind, { maxAgeMs, sources = [] }] of options.kinds) {
    maxAge.set({ kind }, maxAgeMs / 1000);
    for (const source of sources.filter(({ ownsExistence }) => !ownsExistence))
      maxAge.set({ kind, source: source.name }, source.maxAgeMs / 1000);
  }
  const loads = new Counter({
    name: 'interlock_inventory_loads_total',
    help: 'Loads of an inventory that came to their end.',
    labelNames: ['kind', 'method', 'result'],
    registers,
  });
  const batchJobs = new Histogram({
    name: 'interlock_ledger_batch_jobs',
    help: 'How much shared a transaction of the ledger: decisions, outcomes, claims.',
    buckets: BATCH_BUCKETS,
    registers,
  });
  const batchSeconds = new Histogram({
    name: 'interlock_ledger_batch_duration_seconds',
    help: 'A transaction of the ledger, from its begin to its commit.',
    buckets: DECISION_BUCKETS_S,
    registers,
  });
  new Gauge({
    name: 'interlock_build_info',
    help: 'The version of the gate.',
    labelNames: ['version'],
    registers,
  }).set({ version: options.version }, 1);
  const checkpoints = new Gauge({
    name: 'interlock_checkpoints_written',
    help: '1 if the head of the audit chain was signed, or had not moved, when it was last looked at; 0 if it could not be.',
    registers,
  });
  const reload = new Gauge({
    name: 'interlock_config_last_reload_successful',
    help: '1 if the files were loaded when they were last read, 0 if nothing was, or not all.',
    registers,
  });
  reload.set(1);
  const certificate = new Gauge({
    name: 'interlock_certificate_expiry_timestamp_seconds',
    help: 'Unix time at which the certificate of the gate is over, or the first of its chain.',
    registers,
  });
  // It begins with 0: without TLS there is no certificate, and none that ended in 1970.
  certificate.remove();
  const standing = createStandingGauges(registers);

  return {
    standingObserved: found => standing.observe(found),
    databaseObserved: isThere => standing.observeDatabase(isThere),
    loadObserved: (kind, method, result) => loads.inc({ kind, method, result }),
    batchObserved(jobs, durationMs) {
      batchJobs.observe(jobs);
      batchSeconds.observe(durationMs / 1000);
    },
    checkpointsObserved: areWritten => checkpoints.set(areWritten ? 1 : 0),
    decisionObserved({ action, decision, rule, targets: count, durationMs }) {
      decisions.inc({ action: known(action), decision, rule: rule ?? '' });
      decisionSeconds.observe(durationMs / 1000);
      targets.inc({ action: known(action), decision }, count);
    },
    unrecordedObserved: rule => decisions.inc({ action: 'unknown', decision: 'refused', rule }),
    outcomeObserved: (action, status) => outcomes.inc({ action: known(action), status }),
    forwardObserved: durationMs => forwardSeconds.observe(durationMs / 1000),
    killSwitchObserved: scopes => void (engaged.scopes = scopes),
    killFileObserved: engages => void (engaged.byFile = engages),
    inventoryObserved: (kind, asOfMs, source) =>
      void readAt.set(JSON.stringify([kind, source]), {
        labels: { kind, ...(source !== undefined && { source }) },
        asOfMs,
      }),
    reloadObserved: isLoaded => reload.set(isLoaded ? 1 : 0),
    certificateObserved: expiresMs => certificate.set(expiresMs / 1000),
    batchFailed: () => failedBatches.inc(),
    policyObserved(revision) {
      policy.reset();
      policy.set({ revision }, 1);
    },
    text: async () => await registry.metrics(),
    contentType: registry.contentType,
  };
}

/** What was seen last, of each apart; undefined before the first look, which is no "nothing is engaged". */
interface Engaged {
  scopes?: readonly string[];
  byFile?: boolean;
}

function engagedScopes(engaged: Engaged): Gauge<'scope'> {
  return new Gauge({
    name: 'interlock_kill_switch_engaged',
    help: '1 for each scope that a kill switch stops, or the kill file.',
    labelNames: ['scope'],
    registers: [],
    collect() {
      const { scopes, byFile } = engaged;
      this.reset();
      if (scopes !== undefined) this.set({ scope: EVERYTHING }, 0);
      for (const scope of scopes ?? []) this.set({ scope }, 1);
      if (byFile !== undefined) this.set({ scope: KILL_FILE }, byFile ? 1 : 0);
    },
  });
}

interface ReadAt {
  readonly labels: { readonly kind: string; readonly source?: string };
  readonly asOfMs: number;
}

function inventoryAge(readAt: ReadonlyMap<string, ReadAt>, wallMs: () => number): Gauge<'kind' | 'source'> {
  return new Gauge({
    name: 'interlock_inventory_age_seconds',
    help: 'Age of the inventory in force, counted from the time that its source was read; with a source, of what that one brings.',
    labelNames: ['kind', 'source'],
    registers: [],
    collect() {
      for (const { labels, asOfMs } of readAt.values())
        this.set(labels, Math.max(0, wallMs() - asOfMs) / 1000);
    },
  });
}
