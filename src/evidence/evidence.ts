import { declaredLabels, type Config, type Principal } from '../config/config.ts';
import { refuse, type Refusal } from '../kit/refusal.ts';
import { didYouMean, quote } from '../kit/text.ts';
import type { Evidence as Said } from '../ledger/seen-evidence.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Turn } from '../ledger/turn.ts';

/** What an observer says of an artifact. Dimension and value together or not at all. */
export interface EvidenceRequest extends Pick<Said, 'name' | 'status' | 'dimension' | 'value'> {
  readonly artifact: string;
}

/** As it is recorded, and as it is read back. */
export interface EvidenceView extends EvidenceRequest {
  /** Of its entry in the chain. */
  readonly seq: number;
  readonly by: string;
  readonly at: string;
}

export interface EvidenceOptions extends Pick<Config, 'kinds'> {
  readonly ledger: Ledger;
}

/** What others have seen of what is rolled out. Needs the ledger, and no policy. */
export class EvidenceRoom {
  readonly #options: EvidenceOptions;
  readonly #labels: readonly string[];

  constructor(options: EvidenceOptions) {
    this.#options = options;
    this.#labels = [...new Set([...options.kinds.values()].flatMap(declaredLabels))];
  }

  /** Recorded when this returns: a decision that begins later sees it. */
  async post(request: EvidenceRequest, by: Principal): Promise<EvidenceView | Refusal> {
    const { dimension } = request;
    if (dimension !== undefined && !this.#labels.includes(dimension))
      return refuse({
        rule: 'request.invalid',
        message: `No kind declares the label ${quote(dimension)}${didYouMean(dimension, this.#labels, true)}.`,
        pointer: '/dimension',
      });
    return await this.#options.ledger.enqueue(turn => recordEvidence(turn, request, by));
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
  turn.ahead.add(artifact, { ...said, seq, atMs: turn.draft.nowMs });
  return { seq, artifact, ...said, at };
}
