import { ENTRY_TYPES, type EntryType } from '../kit/entry-types.ts';
import { entryHash, GENESIS } from '../ledger/chain.ts';

/** An entry as somebody shows it: nothing of it is believed. */
export interface ShownEntry {
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  /** As canonical JSON (RFC 8785); null where there is none, which no hash covers. */
  readonly body: string | null;
  readonly prev: string;
  readonly hash: string;
}

/** How an entry came to be what the gate did not write. */
export type Tampering = 'altered' | 'removed' | 'inserted' | 'reordered';

/** The first entry that is not as it was written, and how that is known. */
export interface ChainFinding {
  readonly how: Tampering;
  /** The place of the entry in the chain, from 1. */
  readonly seq: number;
  readonly message: string;
}

/** A head of the chain that was signed and kept elsewhere. */
export interface Anchor {
  readonly seq: number;
  readonly hash: string;
  readonly at: string;
  /** Its history was given up after `entry` by a step back, signed `at` that time: it may fit, and need not. */
  readonly givenUp?: { readonly at: string; readonly entry: number };
}

/** Checkpoints of a history that was given up. */
export interface GivenUp {
  readonly entry: number;
  readonly at: string;
  readonly checkpoints: number;
}

export interface ChainReport {
  readonly entries: number;
  readonly firstAt?: string;
  readonly lastAt?: string;
  readonly head: { readonly seq: number; readonly hash: string };
  /** The last checkpoint that the chain agrees with, and that no step back gave up. */
  readonly anchor?: Anchor;
  /** For each step back, the checkpoints that it gave up and no later one stands for; none where all is one history. */
  readonly givenUp: readonly GivenUp[];
  /** The history that the end of the chain is of, where only checkpoints that were given up agree with it. */
  readonly endGivenUp?: Omit<GivenUp, 'checkpoints'>;
  readonly finding?: ChainFinding;
}

interface Suspect {
  readonly entry: ShownEntry;
  /** The place that it stands at. */
  readonly place: number;
  /** The hash of the entry before that place. */
  readonly prev: string;
  /** It was written by the gate, for a later place. */
  readonly isLater: boolean;
  /** What is said of it unless what follows tells better. */
  readonly taken: ChainFinding;
}

/**
 * Follows a chain entry by entry, in the order in which it is shown, and remembers no more than the last one. After the first
 * entry that does not fit, the rest is looked at only to tell what happened: whether the entry that belongs there stands later.
 */
export class ChainVerifier {
  /** By the place that they speak of. One file has one a minute: half a million a year. */
  readonly #anchors = new Map<number, Anchor[]>();
  /** The last place that a checkpoint speaks of. */
  readonly #lastAnchored: number;
  #entries = 0;
  #seq = 0;
  #hash = GENESIS;
  /** The hash before the last entry that fitted. */
  #hashBefore = GENESIS;
  #firstAt: string | undefined;
  #lastAt: string | undefined;
  #anchor: Anchor | undefined;
  /** The last place of which any checkpoint agrees. */
  #agreed = 0;
  /** Those behind `#anchor` that agree and were given up. */
  #agreeingGivenUp: NonNullable<Anchor['givenUp']>[] = [];
  readonly #givenUp = new Map<string, GivenUp>();
  #suspect: Suspect | undefined;
  #finding: ChainFinding | undefined;

  constructor(anchors: readonly Anchor[] = []) {
    let last = 0;
    for (const anchor of anchors) {
      if (anchor.givenUp === undefined) last = Math.max(last, anchor.seq);
      const same = this.#anchors.get(anchor.seq);
      if (same === undefined) this.#anchors.set(anchor.seq, [anchor]);
      else same.push(anchor);
    }
    this.#lastAnchored = last;
  }

  add(entry: ShownEntry): void {
    this.#entries += 1;
    if (this.#finding !== undefined) return;
    if (this.#suspect !== undefined) this.#explain(this.#suspect, entry);
    else this.#follow(entry);
  }

  /** What stands at a place is no entry at all. */
  addUnreadable(message: string): void {
    this.#entries += 1;
    if (this.#suspect === undefined) this.#finding ??= { how: 'altered', seq: this.#seq + 1, message };
  }

  /** @param head what the store itself says is the last entry, where it says so */
  end(head?: { readonly seq: number; readonly hash: string }): ChainReport {
    const finding = this.#finding ?? this.#suspect?.taken ?? this.#endFinding(head);
    // After a finding nobody knows what the rest of the chain would have said of them.
    if (finding === undefined) this.#giveUpBehind();
    const endGivenUp = this.#agreeingGivenUp.at(-1);
    return {
      entries: this.#entries,
      ...(this.#firstAt !== undefined && { firstAt: this.#firstAt }),
      ...(this.#lastAt !== undefined && { lastAt: this.#lastAt }),
      head: { seq: this.#seq, hash: this.#hash },
      ...(this.#anchor !== undefined && { anchor: this.#anchor }),
      givenUp: [...this.#givenUp.values()],
      ...(finding === undefined && endGivenUp !== undefined && { endGivenUp }),
      ...(finding !== undefined && { finding }),
    };
  }

  #follow(entry: ShownEntry): void {
    const place = this.#seq + 1;
    const taken = this.#judge(entry, place);
    if (taken === undefined) {
      this.#accept(entry);
    } else if (place > 1 && belongs(entry, place - 1, this.#hashBefore)) {
      // The one that belongs at the place before: so what was taken for it was put in.
      this.#finding = inserted(place - 1);
    } else {
      this.#suspect = { entry, place, prev: this.#hash, isLater: isOfLaterPlace(entry, place), taken };
    }
  }

  #accept(entry: ShownEntry): void {
    this.#hashBefore = this.#hash;
    this.#seq = entry.seq;
    this.#hash = entry.hash;
    this.#firstAt ??= entry.at;
    this.#lastAt = entry.at;
    for (const anchor of this.#anchors.get(entry.seq) ?? []) {
      if (anchor.hash === entry.hash) this.#agree(anchor);
      else if (anchor.givenUp !== undefined) this.#countGivenUp(anchor.givenUp);
      else this.#finding ??= this.#rewritten(anchor);
    }
  }

  #agree(anchor: Anchor): void {
    this.#agreed = anchor.seq;
    if (anchor.givenUp === undefined) {
      // One signed later stands for what was given up: it was one history after all.
      this.#anchor = anchor;
      this.#agreeingGivenUp = [];
    } else if (anchor.seq !== this.#anchor?.seq) this.#agreeingGivenUp.push(anchor.givenUp);
  }

  #giveUpBehind(): void {
    for (const givenUp of this.#agreeingGivenUp) this.#countGivenUp(givenUp);
    for (const [seq, anchors] of this.#anchors)
      if (seq > this.#seq)
        for (const { givenUp } of anchors) if (givenUp !== undefined) this.#countGivenUp(givenUp);
  }

  #countGivenUp({ at, entry }: NonNullable<Anchor['givenUp']>): void {
    const key = `${entry} ${at}`;
    this.#givenUp.set(key, { entry, at, checkpoints: (this.#givenUp.get(key)?.checkpoints ?? 0) + 1 });
  }

  /** What is wrong with the entry that stands at a place; undefined if it is the one that belongs there. */
  #judge(entry: ShownEntry, place: number): ChainFinding | undefined {
    const { seq, prev, hash } = entry;
    if (seq !== place) {
      if (belongs(entry, place, this.#hash)) return altered(place, `its number was made ${seq}`);
      return seq < place
        ? inserted(place, `number ${seq} stands there a second time`)
        : missing(place, `${seq} follows ${place - 1}`);
    }
    if (hashAs(entry, place) !== hash) {
      return hashAs(entry, place + 1) === hash
        ? missing(place, `what stands there was written as ${place + 1}`)
        : altered(place, 'what it says does not give its hash');
    }
    if (prev === this.#hash) return undefined;
    // It is whole in itself, and was made after another entry than the one that stands before it.
    return place === 1
      ? altered(1, 'it names an entry before it')
      : altered(place - 1, `its hash is not the one that entry ${place} was made after`);
  }

  /** Looks in what follows a suspect for what belongs at its place, and for the place that the suspect came from. */
  #explain(suspect: Suspect, next: ShownEntry): void {
    const { entry, place, prev, isLater, taken } = suspect;
    const cameFromNext = hashAs(entry, next.seq) === entry.hash && next.seq > place;
    if (cameFromNext && taken.how === 'inserted') {
      this.#finding = reordered(place);
    } else if (belongs(next, place, prev)) {
      // It was put before the one that belongs here; from a later place, or out of nowhere: the rest will tell.
      if (isLater || cameFromNext) this.#finding = reordered(place);
      else this.#suspect = { ...suspect, taken: inserted(place) };
    } else if (taken.seq < place && next.seq === place + 1 && next.prev !== entry.hash) {
      // Both neighbours disagree with it: it is the one that was made anew.
      this.#finding = altered(place, 'it fits neither the entry before it nor the one behind it');
    } else if (!isLater && cameFromNext) {
      const gone = missing(place, `what stands there was written as ${next.seq}`);
      this.#suspect = { ...suspect, isLater: true, taken: gone };
    }
  }

  #endFinding(head: { readonly seq: number; readonly hash: string } | undefined): ChainFinding | undefined {
    const last = this.#lastAnchored;
    const anchor =
      last > this.#seq ? this.#anchors.get(last)?.find(({ givenUp }) => givenUp === undefined) : undefined;
    if (anchor !== undefined)
      return missing(this.#seq + 1, `a checkpoint of ${anchor.at} says that there were ${anchor.seq}`);
    if (head === undefined || (head.seq === this.#seq && head.hash === this.#hash)) return undefined;
    if (head.seq > this.#seq) return missing(this.#seq + 1, `the head says that there were ${head.seq}`);
    return head.seq === this.#seq
      ? altered(this.#seq, 'the head has another hash')
      : inserted(head.seq + 1, `the head says that ${head.seq} was the last`);
  }

  /** All hashes fit, and still are not those of then: from somewhere on the chain was made anew. */
  #rewritten(anchor: Anchor): ChainFinding {
    const from = this.#agreed + 1;
    const where = from === anchor.seq ? `Entry ${from}` : `An entry from ${from} to ${anchor.seq}`;
    return {
      how: 'altered',
      seq: from,
      message: `${where} was altered and all hashes after it made anew: a checkpoint of ${anchor.at} has another hash for ${anchor.seq}.`,
    };
  }
}

const altered = (seq: number, why: string): ChainFinding => ({
  how: 'altered',
  seq,
  message: `Entry ${seq} was altered: ${why}.`,
});

const missing = (seq: number, why: string): ChainFinding => ({
  how: 'removed',
  seq,
  message: `Entry ${seq} is missing: ${why}.`,
});

const inserted = (seq: number, why = 'the one that was written there stands behind it'): ChainFinding => ({
  how: 'inserted',
  seq,
  message: `Entry ${seq} was inserted: ${why}.`,
});

const reordered = (seq: number): ChainFinding => ({
  how: 'reordered',
  seq,
  message: `Entry ${seq} does not stand where it was written: it was found behind a later one.`,
});

/** Whether an entry, whatever number it bears now, was written at this place behind this hash. */
const belongs = (entry: ShownEntry, place: number, prev: string): boolean =>
  entry.prev === prev && hashAs(entry, place) === entry.hash;

const isOfLaterPlace = (entry: ShownEntry, place: number): boolean =>
  hashAs(entry, place + 1) === entry.hash || (entry.seq > place && hashAs(entry, entry.seq) === entry.hash);

const types: ReadonlySet<string> = new Set(ENTRY_TYPES);
const isEntryType = (type: string): type is EntryType => types.has(type);
const isTime = (text: string): boolean => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text);
const isHash = (text: string): boolean => /^sha256:[0-9a-f]{64}$/.test(text);

/**
 * The hash that an entry has at a place. None for one that the gate cannot have written: its fields go into the hashed text as they
 * are, so what is no time, type or hash could pass for something else there.
 */
function hashAs({ at, type, body, prev }: ShownEntry, place: number): string | undefined {
  if (body === null || !Number.isSafeInteger(place) || place < 1) return undefined;
  if (!isTime(at) || !isEntryType(type) || !isHash(prev)) return undefined;
  return entryHash(place, at, type, body, prev);
}
