import type { Config, Kind } from './config/config.ts';
import type { LoadedPolicy } from './load-policy.ts';
import type { Check, Readiness } from './intake/ports.ts';
import { definitionOf } from './inventory/describe-kind.ts';
import { Fault } from './kit/fault.ts';
import { inTime } from './kit/in-time.ts';
import type { BuiltinRule } from './kit/rules.ts';
import { sharedRead } from './kit/together.ts';
import type { Turn } from './ledger/turn.ts';
import { UNDECIDED_MS } from './ledger/ledger.ts';
import type { Takes } from './ledger/writing.ts';
import { noInventory, staleReasons } from './ledger/stale.ts';

export interface ReadinessOptions {
  readonly kinds: Config['kinds'];
  /** Looked at each time: a policy can be loaded while the gate runs. */
  readonly inForce: { readonly loaded: Pick<LoadedPolicy, 'revision'> | undefined };
  isStopping(): boolean;
  /** Looks at the ledger. @throws Fault where it cannot be looked at */
  look<T>(work: (turn: LookedAt) => T): Promise<T>;
  /** What the database took of what had to be written last: to look at it does not tell. */
  takes(): Takes;
}

type LookedAt = Pick<Turn, 'book' | 'nowMs' | 'clockJumped'>;

const ok: Check = { ok: true };
const no = (detail: string): Check => ({ ok: false, detail });

const noRoom: Check = {
  ...no(
    'the database answers, and does not take what must be written: mostly its disk is full, and the log says why',
  ),
  rule: 'store.unavailable',
};

/** Whether the gate can be asked, and whether it can decide. Needs no key, so all who ask at once share one look at the ledger. */
export function createReadiness(options: ReadinessOptions): () => Promise<Readiness> {
  const { inForce } = options;
  const kinds = [...options.kinds.values()].map(kind => ({ kind, definition: definitionOf(kind) }));
  const eachKind = (check: (kind: Kind, definition: string) => Check) =>
    Object.fromEntries(kinds.map(({ kind, definition }) => [kind.name, check(kind, definition)]));
  const lookNow = async () =>
    await options.look(turn => ({
      database: options.takes() === 'nothing' ? noRoom : ok,
      record: options.takes() === 'all' ? ok : noRoom,
      policy: policyCheck(turn, inForce.loaded),
      clock: turn.clockJumped ? no("the database's clock and the gate's have parted") : ok,
      kinds: eachKind((kind, definition) => kindCheck(turn, kind, definition)),
    }));
  const unknown: Check = { ...no('not known until the database can be read'), known: false };
  const away = (fault: Fault): Omit<Readiness, 'process'> => ({
    database: databaseCheck(fault),
    record: databaseCheck(fault),
    policy: inForce.loaded === undefined ? no('no policy is loaded') : unknown,
    clock: unknown,
    kinds: eachKind(() => unknown),
  });
  // A turn that has begun is not withdrawn: a lock that others hold on a table may keep it for longer.
  const hangs = (): Fault => new Fault('store.undecided', 'The database did not answer in 10 s.');
  const checked = sharedRead(
    async () =>
      await inTime(lookNow(), UNDECIDED_MS, hangs).catch((thrown: unknown) => {
        if (thrown instanceof Fault) return away(thrown);
        throw thrown;
      }),
    2 * UNDECIDED_MS,
  );
  return async () => {
    const rest = await checked();
    return { process: options.isStopping() ? no('the gate is stopping') : ok, ...rest };
  };
}

const IS_ANOTHER: ReadonlySet<string> = new Set(['store.behind', 'store.newer'] satisfies BuiltinRule[]);

/** A database that lacks something, or knows more than the gate, answers: whoever takes it for one that is away restarts the gate, which is the one wrong thing. */
function databaseCheck({ rule, detail }: Fault): Check {
  return {
    ...no(IS_ANOTHER.has(rule) ? detail : 'the database does not answer, or takes no writes'),
    rule,
  };
}

function policyCheck({ book }: LookedAt, loaded: ReadinessOptions['inForce']['loaded']): Check {
  if (loaded === undefined) return no('no policy is loaded');
  return book.activePolicy === loaded.revision.digest ? ok : no('this policy revision is not the active one');
}

/** By the very judgement that a decision is refused by. */
function kindCheck({ book, nowMs }: LookedAt, kind: Kind, definition: string): Check {
  const state = book.kinds.get(kind.name);
  const [reason] = state === undefined ? [noInventory(kind)] : staleReasons(kind, definition, state, nowMs);
  return reason === undefined ? ok : no(reason.message);
}
