import { refuse, type Reason, type Refusal } from '../kit/refusal.ts';
import { quote } from '../kit/text.ts';

/** What a load would have done; ids and lines of it are in no answer. */
export interface Would {
  /** Targets there would be. */
  readonly count: number;
  readonly added: number;
  readonly removed: number;
  /** Targets with another label than before, whichever. */
  readonly changed: number;
}

/** A load that is not taken. The further members stand beside the problem's own. */
export interface LoadRefusal extends Refusal {
  /** From 1; in CSV the header is line 1. */
  readonly line?: number;
  readonly would?: Would;
}

/** Unwinds a load from inside its stream. Never leaves this room: `inventory.ts` answers with the refusal in it. */
export class LoadRefused extends Error {
  override readonly name = 'LoadRefused';
  readonly refusal: LoadRefusal;

  constructor(refusal: LoadRefusal) {
    super(refusal.reasons[0].message);
    this.refusal = refusal;
  }
}

const noLoad = (reason: Reason): LoadRefused => new LoadRefused(refuse(reason));

/** A line that is not one. `problem` is a sentence. */
export const malformed = (line: number, problem: string): LoadRefused =>
  new LoadRefused({ ...refuse({ rule: 'inventory.malformed', message: `Line ${line}: ${problem}` }), line });

/** Sums are kept as whole numbers that JSON and all who read it take for exact. */
export const tooHeavy = (weight: string, line?: number): LoadRefused =>
  line === undefined
    ? noLoad({ rule: 'inventory.malformed', message: tooMuch(weight) })
    : malformed(line, `up to here, ${tooMuch(weight)}`);

const tooMuch = (weight: string): string =>
  `the targets weigh more than ${Number.MAX_SAFE_INTEGER} by ${quote(weight)}, and the sum would not be exact. Give it in a larger unit.`;

export const cutOff = (): LoadRefused =>
  noLoad({ rule: 'inventory.cut_off', message: 'The stream ended before its end. Nothing of it was taken.' });

export const busy = (kind: string): LoadRefused =>
  noLoad({
    rule: 'inventory.busy',
    message: `Another load of ${kind} is under way. A kind has one writer at a time.`,
    remedy: 'try again when it has ended; one that sends nothing for 60 s loses its place',
  });
