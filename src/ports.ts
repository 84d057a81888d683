import type { Config } from './config/config.ts';
import { fromDatabase } from './db/from-database.ts';
import { READ_PATIENCE_MS } from './db/store.ts';
import { describePolicy } from './describe-policy.ts';
import type { LoadedPolicy } from './load-policy.ts';
import type { InForce } from './in-force.ts';
import type { Ports, ReadsPort } from './intake/ports.ts';
import { Fault } from './kit/fault.ts';
import { Lane } from './kit/lane.ts';
import { letOthersGo } from './kit/let-others-go.ts';
import { keyTakenOut } from './kit/refusal.ts';
import { sharedRead } from './kit/together.ts';
import type { LateGate } from './late-gate.ts';
import { killFileEngages, sayKillFile } from './kill-switch/kill-file.ts';
import { acceptClock } from './ledger/accept-clock.ts';
import { budgetItems } from './ledger/budgets.ts';
import type { Turn } from './ledger/turn.ts';
import type { Metrics } from './metrics/metrics.ts';
import { createReadiness } from './readiness.ts';

/** To count what hundreds of protected entries stand for takes many seconds in a large fleet: those who ask meanwhile share the next count. */
const DESCRIBED_MS = 300_000;

interface Behind {
  readonly gate: LateGate;
  readonly config: Config;
  readonly inForce: InForce;
  readonly reads: ReadsPort;
  readonly metrics: Pick<Metrics, 'killFileObserved'>;
  /** Writes a checkpoint, unwaited for. */
  signNow(): void;
}

/** What HTTP needs of the rooms, over a gate that may not be there yet. */
export const portsOf = (behind: Behind): Ports => ({
  ...changing(behind),
  ...telling(behind),
  reads: behind.reads,
});

/** Calls that change what is recorded. */
function changing({
  gate,
  config,
  ...behind
}: Behind): Pick<Ports, 'guard' | 'outcomes' | 'killSwitch' | 'evidence' | 'clock' | 'inventory'> {
  const killFile = (): string => sayKillFile(config.killFile);
  return {
    guard: {
      submit: async (...asked) => await gate.getUnlessStopping().guard.submit(...asked),
      preflight: async (...asked) => await gate.getUnlessStopping().guard.preflight(...asked),
    },
    outcomes: {
      report: async (...asked) => await gate.get().outcomes.report(...asked),
      cancel: async (...asked) => await gate.get().outcomes.cancel(...asked),
    },
    killSwitch: {
      engage: async (request, by) => {
        const engage = async () => await (await gate.getOpened()).killSwitch.engage(request, by);
        const engaged = await withHint(killFile, engage);
        behind.signNow();
        return engaged;
      },
      release: async (...asked) => await gate.get().killSwitch.release(...asked),
      status: async () =>
        await withHint(killFile, async () => await (await gate.getOpened()).killSwitch.status()),
    },
    evidence: {
      post: async (...asked) => await gate.getUnlessStopping().evidence.post(...asked),
    },
    clock: {
      accept: async (reason, by, isStillKnown) =>
        await gate
          .get()
          .ledger.enqueueAlone(async turn =>
            isStillKnown() ? await acceptClock(turn, reason, by) : keyTakenOut(),
          ),
    },
    inventory: {
      put: async load => await gate.getUnlessStopping().inventory.put(load),
      patch: async load => await gate.getUnlessStopping().inventory.patch(load),
      summary: async () => await gate.get().inventory.summary(),
    },
  };
}

/** Calls that only say how things stand. */
function telling({
  gate,
  config,
  inForce,
  metrics,
}: Behind): Pick<Ports, 'budgets' | 'policy' | 'gauges' | 'ready'> {
  const policyOrFault = (): LoadedPolicy => {
    if (inForce.loaded === undefined) throw new Fault('policy.unavailable', 'No policy is loaded.');
    return inForce.loaded;
  };
  // One at a time: of windows of 20,000 racks it is 8 MB, in a turn of the ledger and as JSON, and a stop would wait for all who ask.
  const budgets = new Lane(1, READ_PATIENCE_MS);
  return {
    budgets: {
      budgets: async () => {
        // Looked up in the turn: its book is counted by the limits that are in force then.
        const read = (turn: Turn) => budgetItems(turn, policyOrFault().policy.limits, config);
        return await budgets.run(async () => {
          const items = await gate.get().ledger.enqueue(read);
          await letOthersGo();
          return { items };
        });
      },
    },
    policy: {
      describe: sharedRead(async () => {
        policyOrFault();
        const { ledger, options } = gate.get();
        const standing = await ledger.enqueue(({ book: { activePolicy }, nowMs }) => ({
          loaded: policyOrFault(),
          activePolicy,
          nowMs,
        }));
        return await fromDatabase(async () => await describePolicy(options.store.db, standing));
      }, DESCRIBED_MS),
      rules: () => inForce.loaded?.policy.rules ?? {},
    },
    gauges: {
      read: async () => {
        // The file is for the time when there is no database, so it is looked at whatever becomes of the rest.
        metrics.killFileObserved(killFileEngages(config.killFile));
        await gate.current?.readGauges();
      },
    },
    ready: {
      ready: createReadiness({
        kinds: config.kinds,
        inForce,
        isStopping: () => gate.stopping,
        look: async work => await gate.get().ledger.enqueue(work),
        takes: () => gate.get().ledger.takes,
      }),
    },
  };
}

/** The database is away: whoever wants to stop everything, or to see whether it is, is told how it stands with the kill file. */
async function withHint<T>(hint: () => string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    if (thrown instanceof Fault) throw new Fault(thrown.rule, `${thrown.detail} ${hint()}`, thrown.cause);
    throw thrown;
  }
}
