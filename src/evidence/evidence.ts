import { declaredLabels, type Config, type Principal } from '../config/config.ts';
import { isRefusal, keyTakenOut, refuse, type Refusal } from '../kit/refusal.ts';
import { didYouMean, quote } from '../kit/text.ts';
import type { Evidence } from '../ledger/seen-evidence.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Turn } from '../ledger/turn.ts';
import type { Limits } from '../policy/limits.ts';
import { countedLabels, findSlips, sayTheSlip } from './slips.ts';

/** What an observer says of an artifact. Dimension and value together or not at all. */
export interface EvidenceRequest extends Pick<Evidence, 'name' | 'status' | 'dimension' | 'value'> {
  readonly artifact: string;
}

/** As it is recorded, and as it is read back. */
export interface EvidenceView extends EvidenceRequest {
  /** Of its entry in the chain. */
  readonly seq: number;
  readonly by: string;
  readonly at: string;
}

/** What is answered to who says it. */
export interface EvidencePosted extends EvidenceView {
  /** What of it nothing answers to now; absent where all is well. */
  readonly warnings?: readonly string[];
}

export interface EvidenceOptions extends Pick<Config, 'kinds'> {
  readonly ledger: Ledger;
  /** What this gate has loaded, and the digest of its revision. */
  readonly policy: { readonly limits: Limits; readonly digest: string } | undefined;
}

/** What others have seen of what is rolled out. Needs the ledger, and no policy. */
export class EvidenceRoom {
  readonly #options: EvidenceOptions;
  readonly #labels: readonly string[];
  readonly #counted: ReadonlySet<string>;

  constructor(options: EvidenceOptions) {
    this.#options = options;
    this.#labels = [...new Set([...options.kinds.values()].flatMap(declaredLabels))];
    this.#counted = countedLabels(options.kinds.values());
  }

  /**
   * Recorded when this returns: a decision that begins later sees it. So is what looks like a slip, for nothing that somebody saw may be
   * lost, and its value may come with the next load; but it is said.
   */
  async post(
    request: EvidenceRequest,
    by: Principal,
    isStillKnown: () => boolean,
  ): Promise<EvidencePosted | Refusal> {
    const { dimension } = request;
    if (dimension !== undefined && !this.#labels.includes(dimension))
      return refuse({
        rule: 'request.invalid',
        message: `No kind declares the label ${quote(dimension)}${didYouMean(dimension, this.#labels, true)}.`,
        pointer: '/dimension',
      });
    const posted = await this.#options.ledger.enqueue(turn =>
      isStillKnown()
        ? {
            view: recordEvidence(turn, request, by),
            slips: findSlips(turn.book, this.#limitsInForce(turn), this.#counted, request),
          }
        : keyTakenOut(),
    );
    if (isRefusal(posted)) return posted;
    const { view, slips } = posted;
    const warnings = slips.map(sayTheSlip);
    return { ...view, ...(warnings.length > 0 && { warnings }) };
  }

  /** Undefined on a gate without a policy, or with another one than decides: which names are asked for is not known to it. */
  #limitsInForce({ book }: Turn): Limits | undefined {
    const { policy } = this.#options;
    return policy?.digest === book.activePolicy ? policy?.limits : undefined;
  }
}

/** Drafts the entry and its row, and tells the requests of the same batch that come after it. */
function recordEvidence(
  turn: Turn,
  { artifact, name, status, dimension, value }: EvidenceRequest,
  by: Principal,
): EvidenceView {
  const said = {
    name,
    status,
    ...(dimension !== undefined && value !== undefined && { dimension, value }),
    by: by.name,
  };
  const { seq, at } = turn.draft.append('evidence', { artifact, ...said });
  turn.draft.evidence.push({
    seq,
    principal: by.name,
    artifact,
    name,
    status,
    dimension: dimension ?? '',
    value: value ?? '',
  });
  turn.precedents.add(artifact, { ...said, seq, atMs: turn.draft.nowMs });
  return { seq, artifact, ...said, at };
}
