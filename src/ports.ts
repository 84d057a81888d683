import type { Config } from './config/config.ts';
import type { Store } from './db/store.ts';
import { describePolicy } from './describe-policy.ts';
import type { LoadedPolicy } from './gate.ts';
import type { Ports, ReadsPort, Check } from './intake/ports.ts';
import type { Clock } from './kit/clock.ts';
import { Fault } from './kit/fault.ts';
import type { LateGate } from './late-gate.ts';
import { sayKillFile } from './kill-switch/kill-file.ts';
import { acceptClock } from './ledger/accept-clock.ts';
import { budgetItems } from './ledger/budgets.ts';
import type { Turn } from './ledger/ledger.ts';

interface Behind {
  readonly gate: LateGate;
  readonly config: Config;
  readonly loaded: LoadedPolicy | undefined;
  readonly clock: Clock;
  readonly store: Store;
  readonly reads: ReadsPort;
}

/** What HTTP needs of the rooms, over a gate that may not be there yet. */
export function portsOf({ gate, config, loaded, reads }: Behind): Ports {
  const killFile = (): string => sayKillFile(config.killFile);
  return {
    reads,
    guard: {
      submit: async (asked, waitMs) => await gate.getUnlessStopping().guard.submit(asked, waitMs),
      preflight: async asked => await gate.getUnlessStopping().guard.preflight(asked),
    },
    outcomes: {
      report: async (id, by, report) => await gate.get().outcomes.report(id, by, report),
      cancel: async (id, by) => await gate.get().outcomes.cancel(id, by),
    },
    killSwitch: {
      engage: async (request, by) =>
        await named(killFile, async () => await gate.get().killSwitch.engage(request, by)),
      release: async (id, reason, by) => await gate.get().killSwitch.release(id, reason, by),
      status: async () => await named(killFile, async () => await gate.get().killSwitch.status()),
    },
    clock: {
      accept: async (reason, by) =>
        await gate.get().ledger.enqueueAlone(turn => acceptClock(turn, reason, by)),
    },
    budgets: {
      budgets: async () => {
        if (loaded === undefined) throw new Fault('policy.unavailable', 'No policy is loaded.');
        return {
          items: await gate.get().ledger.enqueue(turn => budgetItems(turn, loaded.policy.limits, config)),
        };
      },
    },
    policy: {
      describe: async () => {
        if (loaded === undefined) throw new Fault('policy.unavailable', 'No policy is loaded.');
        return await gate.get().ledger.enqueue(async turn => await describePolicy(turn, loaded));
      },
      rules: () => loaded?.policy.rules ?? {},
    },
    inventory: {
      put: async load => await gate.getUnlessStopping().inventory.put(load),
      patch: async load => await gate.getUnlessStopping().inventory.patch(load),
      summary: async () => await gate.get().inventory.summary(),
    },
    gauges: {
      read: async () => {
        await gate.current?.readGauges();
      },
    },
    ready: { ready: async () => await readiness(gate, config, loaded) },
  };
}

/** The database is away: whoever wants to stop everything, or to see whether it is, is told how it stands with the kill file. */
async function named<T>(hint: () => string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    if (thrown instanceof Fault) throw new Fault(thrown.rule, `${thrown.detail} ${hint()}`, thrown.cause);
    throw thrown;
  }
}

const ok: Check = { ok: true };
const no = (detail: string): Check => ({ ok: false, detail });

async function readiness(gate: LateGate, config: Config, loaded: LoadedPolicy | undefined) {
  const process = gate.stopping ? no('the gate is stopping') : ok;
  const unknown = no('not known while the database is away');
  const kinds = (each: (name: string) => Check) =>
    Object.fromEntries([...config.kinds.keys()].map(name => [name, each(name)]));
  try {
    return await gate.get().ledger.enqueue(turn => ({
      process,
      database: ok,
      policy: policyCheck(turn, loaded),
      clock: turn.clockJumped ? no("the database's clock and the gate's have parted") : ok,
      kinds: kinds(name => kindCheck(turn, config, name)),
    }));
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return {
      process,
      database: no('the database does not answer'),
      policy: loaded === undefined ? no('no policy is loaded') : unknown,
      clock: unknown,
      kinds: kinds(() => unknown),
    };
  }
}

function policyCheck({ book }: Turn, loaded: LoadedPolicy | undefined): Check {
  if (loaded === undefined) return no('no policy is loaded');
  return book.activePolicy === loaded.revision.digest ? ok : no('this policy revision is not the active one');
}

function kindCheck({ book, nowMs }: Turn, config: Config, name: string): Check {
  const state = book.kinds.get(name);
  if (state === undefined) return no('no inventory was loaded');
  const maxAgeMs = config.kinds.get(name)?.maxAgeMs ?? 0;
  const ageMs = nowMs - state.asOfMs;
  return ageMs >= 0 && ageMs <= maxAgeMs ? ok : no('the inventory is older than it may be');
}
