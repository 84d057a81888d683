import { own } from '../kit/own.ts';
import type { Reason } from '../kit/refusal.ts';
import type { Book, EngagedSwitch } from './book.ts';
import type { Case, Circumstances } from './case.ts';
import { conflictReasons } from './conflicts.ts';
import { countTargets } from './counts.ts';
import { askExcepted } from './exceptions.ts';
import { measure, type Measured } from './facts.ts';
import { beginningOf } from '../kit/text.ts';
import { refusingLimitNames, timed } from './retry-after.ts';
import { stops, whyStopsAll, type Stoppable } from './stops.ts';

export interface Judged extends Measured {
  /** Sorted by the caller; empty for an allow. */
  readonly reasons: readonly Reason[];
  /** Nothing but policy stands against it: no switch, and nothing in the way. */
  readonly isByLimits: boolean;
  /** The request limits that refuse it themselves, as they are named where they do. */
  readonly refusedBy: readonly string[];
  /** The id of the exception that it is allowed under. */
  readonly exception?: string;
}

/** Everything that stands against some targets now: switches, operations in the way, what was done already, and policy. */
export function judge(one: Case, now: Circumstances): Judged {
  const measured = measure(one, now, countTargets(one, now, one.targets));
  const verdict = now.policy.evaluate(measured.facts);
  const policyReasons = verdict.allow ? [] : verdict.reasons;
  const others = [...switchReasons(one, now), ...conflictReasons(one, now.book)];
  const { exception, notes } =
    others.length > 0 ? { notes: [] } : askExcepted(one, now, measured.facts, policyReasons);
  if (exception !== undefined)
    return { ...measured, reasons: [], isByLimits: false, refusedBy: [], exception };
  // To the first alone, all being of one check: each of hundreds of racks would say the same.
  const noted = policyReasons.map((reason, at) =>
    at > 0 ? reason : { ...reason, message: [reason.message, ...notes].join(' ') },
  );
  return {
    ...measured,
    reasons: [...others, ...timed(noted, one, now, measured)],
    isByLimits: others.length === 0 && policyReasons.length > 0,
    refusedBy: refusingLimitNames(policyReasons, one, now),
  };
}

function stoppableOf(one: Case): Stoppable {
  return {
    action: one.action.name,
    kind: one.kind.name,
    principal: one.principal,
    touches: (dimension, value) => {
      if (one.targets.some(({ labels }) => own(labels, dimension) === value)) return true;
      // The source that owns it has not brought it, or it is not declared any more.
      return one.targets.some(({ labels }) => own(labels, dimension) === undefined) ? undefined : false;
    },
  };
}

const describeScope = ({ scope }: EngagedSwitch): string =>
  'action' in scope
    ? `the action ${scope.action}`
    : 'dimension' in scope
      ? `${scope.dimension} ${scope.value}`
      : 'everything';

/** A switch may have any reason; each refusal that it causes is recorded, and holds the beginning. */
const MOST_OF_REASON = 500;

/** Ends the sentence: without a reason there is nothing to announce, and most reasons come without a full stop. */
function because(reason: string): string {
  const begin = beginningOf(reason, MOST_OF_REASON);
  const said = begin === reason ? reason : `${begin.trimEnd()} …`;
  return said === '' ? '.' : `: ${said}${/[.!?…]$/.test(said) ? '' : '.'}`;
}

function stoppedBy(engaged: EngagedSwitch, book: Book): Reason {
  const { id, scope, engagedAt, engagedBy, reason } = engaged;
  const said = `The kill switch ${id} is engaged for ${describeScope(engaged)} since ${engagedAt}, by ${engagedBy}${because(reason)}`;
  const why = whyStopsAll(engaged, book);
  return {
    rule: 'kill_switch.engaged',
    message: why === undefined ? said : `${said} ${why}`,
    ...('dimension' in scope && { dimension: scope.dimension, value: scope.value }),
    remedy: 'nothing, until an operator releases it',
  };
}

/** So many switches are named, and of more it is said how many there are: an alert may engage each time it fires, and each refusal is stored and hashed. */
const MOST_SWITCHES = 20;

function switchReasons(one: Case, now: Circumstances): Reason[] {
  const subject = stoppableOf(one);
  const engaged = [...now.book.switches.values()].filter(each => stops(each, subject, now.book));
  const reasons = engaged.slice(0, MOST_SWITCHES).map(each => stoppedBy(each, now.book));
  const more = engaged.length - reasons.length;
  if (more > 0)
    reasons.push({
      rule: 'kill_switch.engaged',
      message: `${more} more ${more === 1 ? 'kill switch stops' : 'kill switches stop'} it.`,
      remedy: 'nothing, until an operator releases each of them',
    });
  if (!now.killFileEngaged) return reasons;
  return [
    ...reasons,
    {
      rule: 'kill_switch.engaged',
      message: 'The kill file engages this gate: it is there, or it cannot be told that it is not.',
      remedy: 'nothing, until the kill file is taken away',
    },
  ];
}
