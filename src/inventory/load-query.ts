import { refuse, type Reason, type Refusal } from '../kit/refusal.ts';
import { isBlank, quote } from '../kit/text.ts';
import { parseTimeMs } from '../kit/time.ts';

export type Force = 'shrink' | 'change';
export type LoadMethod = 'put' | 'patch';

/** More lines than this are no inventory. */
export const MAX_LINES = 10_000_000;

/** What a load's query says. */
export interface LoadQuery {
  /** Lines there must be, above 0. */
  readonly expect?: number;
  /** When the source was read, Unix milliseconds. Snapshots only; without it the load's arrival. */
  readonly asOfMs?: number;
  /** Which limits an operator lets this load pass. */
  readonly force: ReadonlySet<Force>;
  /** Which of several sources is meant. */
  readonly source?: string;
  /** There exactly when something is forced. */
  readonly reason?: string;
}

/**
 * Whether a load says a number of lines that none can have, as `inventory diff` does: it is only compared, and that it is refused is
 * no sign of a broken source. Nothing else hangs on it.
 */
export const isTrialLoad = (query: ReadonlyMap<string, string>): boolean =>
  Number(query.get('expect')) > MAX_LINES;

const MAX_REASON = 1000;

/** All that the query of a load may say. */
export const LOAD_PARAMETERS = ['expect', 'as_of', 'force', 'reason', 'source'];

/**
 * Reads the query of a load, which says nothing else, and each at most once (the caller has seen to it).
 * What is bad is `request.invalid` (422), and so is a reason without a force, and `as_of` on a PATCH;
 * a force by anyone but an operator is `principal.not_allowed` (403), alone.
 */
export function readLoadQuery(
  method: LoadMethod,
  query: ReadonlyMap<string, string>,
  isOperator: boolean,
): LoadQuery | Refusal {
  if (query.has('force') && !isOperator) {
    return refuse({ rule: 'principal.not_allowed', message: 'Only an operator may force a load.' });
  }
  const read = new QueryReader(query);
  const expect = read.whole('expect');
  if (method === 'patch' && query.has('as_of'))
    read.refuse('`as_of` is for snapshots: a PATCH holds from its arrival.');
  const asOfMs = method === 'put' ? read.time('as_of') : undefined;
  const force = read.force();
  const reason = read.reason();
  const [first, ...more] = read.problems;
  if (first !== undefined) return refuse(first, ...more);
  const source = query.get('source');
  return {
    force,
    ...(source !== undefined && { source }),
    ...(expect !== undefined && { expect }),
    ...(asOfMs !== undefined && { asOfMs }),
    ...(reason !== undefined && { reason }),
  };
}

class QueryReader {
  readonly problems: Reason[] = [];
  readonly #query: ReadonlyMap<string, string>;

  constructor(query: ReadonlyMap<string, string>) {
    this.#query = query;
  }

  refuse(message: string): void {
    this.problems.push({ rule: 'request.invalid', message });
  }

  whole(name: string): number | undefined {
    const text = this.#query.get(name);
    if (text === undefined) return undefined;
    if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text);
    this.refuse(`\`${name}\` is a whole number above 0, not ${quote(text)}.`);
    return undefined;
  }

  time(name: string): number | undefined {
    const text = this.#query.get(name);
    if (text === undefined) return undefined;
    const timeMs = parseTimeMs(text, 'down');
    if (timeMs === undefined)
      this.refuse(`\`${name}\` is a time of RFC 3339, like 2026-11-22T03:00:00Z, not ${quote(text)}.`);
    return timeMs;
  }

  force(): Set<Force> {
    const text = this.#query.get('force');
    const force = new Set<Force>();
    if (text === undefined) return force;
    for (const word of text.split(',')) {
      if ((word === 'shrink' || word === 'change') && !force.has(word)) force.add(word);
      else {
        this.refuse(`\`force\` is \`shrink\`, \`change\` or \`shrink,change\`, not ${quote(text)}.`);
        break;
      }
    }
    return force;
  }

  reason(): string | undefined {
    const text = this.#query.get('reason');
    if (text === undefined) {
      if (this.#query.has('force')) this.refuse('A forced load says why: `reason` is missing.');
      return undefined;
    }
    if (!this.#query.has('force')) this.refuse('`reason` is for a forced load, and nothing is forced.');
    else if (isBlank(text)) this.refuse('A forced load says why: `reason` is blank.');
    else if (text.length > MAX_REASON || /\p{Cc}|\p{Cs}/u.test(text))
      this.refuse(`\`reason\` has at most ${MAX_REASON} characters, and no control characters.`);
    return text;
  }
}
