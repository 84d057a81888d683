import type { Config } from './config/config.ts';
import type { InForce } from './in-force.ts';
import type { LoadedPolicy } from './load-policy.ts';
import { budgetItems, type BudgetItem } from './ledger/budgets.ts';
import { freezeStatus } from './ledger/freezes.ts';
import type { Operation } from './ledger/operation.ts';
import { whyStopsAll } from './ledger/stops.ts';
import type { Turn } from './ledger/turn.ts';
import { UNKNOWN_ACTION } from './metrics/decisions.ts';
import type { Fill, Metrics, OperationState, Standing } from './metrics/metrics.ts';
import { scopeName } from './metrics/switches.ts';

interface Observing {
  readonly config: Pick<Config, 'actions' | 'kinds'>;
  readonly inForce: InForce;
  readonly metrics: Metrics;
}

/** Sets the gauges to how the ledger stands in this turn. */
export function observeStanding(turn: Turn, { config, inForce, metrics }: Observing): void {
  const { loaded } = inForce;
  const { book } = turn;
  metrics.standingObserved(standingOf(turn, config, loaded));
  for (const [name, { asOfMs, sources = [] }] of book.kinds) {
    metrics.inventoryObserved(name, asOfMs);
    const owner = config.kinds.get(name)?.sources?.find(({ ownsExistence }) => ownsExistence);
    for (const [source, brought] of sources)
      if (source !== owner?.name) metrics.inventoryObserved(name, brought.asOfMs, source);
  }
  metrics.killSwitchObserved(
    [...book.switches.values()].flatMap(engaged => [
      scopeName(engaged.scope),
      ...(whyStopsAll(engaged, book) === undefined ? [] : [scopeName({})]),
    ]),
  );
  if (loaded !== undefined) metrics.policyObserved(loaded.revision.digest);
}

/** How this gate stands, for its gauges. */
export function standingOf(
  turn: Pick<Turn, 'book' | 'clockJumped' | 'nowMs'>,
  config: Pick<Config, 'actions'>,
  loaded:
    | { readonly policy: Pick<LoadedPolicy['policy'], 'limits'>; readonly revision: LoadedPolicy['revision'] }
    | undefined,
): Standing {
  const { book, clockJumped, nowMs } = turn;
  const { freezes = [] } = loaded?.policy.limits ?? {};
  return {
    operations: countOperations(config.actions.keys(), book.operations(), nowMs),
    fills:
      loaded === undefined
        ? []
        : fillsOf(
            budgetItems(turn, loaded.policy.limits, config).filter(item => isMeasured(item, book.kinds)),
          ),
    isPolicyActive: loaded !== undefined && book.activePolicy === loaded.revision.digest,
    hasClockJumped: clockJumped,
    freezesInForce: freezes.filter(freeze => freezeStatus(freeze, nowMs) === 'in_force').length,
  };
}

function countOperations(
  actions: Iterable<string>,
  operations: Iterable<Operation>,
  nowMs: number,
): Standing['operations'] {
  const nothing = { count: 0, oldestS: 0 };
  const none = { waiting: nothing, on_the_wire: nothing, accepted: nothing, unknown: nothing };
  const counts = new Map([...actions].map(action => [action, { ...none }]));
  // Of actions that are not declared any more, or not here: somebody must settle them all the same.
  const undeclared = { ...none };
  for (const operation of operations) {
    const state = stateOf(operation);
    if (state === undefined) continue;
    const found = counts.get(operation.action) ?? undeclared;
    const { count, oldestS } = found[state];
    const ageS = (nowMs - (operation.claimedAtMs ?? operation.decidedAtMs)) / 1000;
    found[state] = { count: count + 1, oldestS: Math.max(oldestS, ageS) };
  }
  return counts.set(UNKNOWN_ACTION, undeclared);
}

function stateOf({ phase, outcome }: Operation): OperationState | undefined {
  switch (phase) {
    case 'waiting':
      return 'waiting';
    case 'claimed':
      return 'on_the_wire';
    case 'accepted':
      return 'accepted';
    case 'ended':
      return outcome === 'unknown' ? 'unknown' : undefined;
  }
}

/** A share of a fleet that was never loaded is nothing, and nearly spent is what nobody could spend. Another alert says that it is missing. */
const isMeasured = ({ limit, used, value }: BudgetItem, kinds: Turn['book']['kinds']): boolean =>
  limit > 0 || used > 0 || kinds.has(value);

/** One a limit: values come and go with the fleet and with who asks, limits with the limits file. */
function fillsOf(items: readonly BudgetItem[]): readonly Fill[] {
  const fullest = new Map<string, Fill>();
  for (const { action, rule, per, over_s, used, limit, known_from: knownFrom } of items) {
    const over = over_s === null ? '' : String(over_s);
    const name = JSON.stringify([action, rule, per, over]);
    const ratio = Math.max(
      fullest.get(name)?.ratio ?? 0,
      ratioOf(used, limit),
      // Nothing fits in until it is known what is used.
      knownFrom === undefined ? 0 : 1,
    );
    fullest.set(name, { action: action ?? '', rule, per, over, ratio });
  }
  return [...fullest.values()];
}

/** Nothing fits into a limit of nothing: it is full. */
const ratioOf = (used: number, limit: number): number => (limit > 0 ? used / limit : 1);
