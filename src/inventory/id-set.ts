import { hash } from 'node:crypto';

/** Words of 32 bits that are kept of an id. */
const WORDS = 4;

/** Grown one by one, so that no step has to move all that is there. */
const SHARDS = 256;

/**
 * The ids that a load has brought, as 128 bits of their SHA-256 each: 32 bytes for an id, whatever its length, and no
 * ceiling at 2^24 as a Set has. Two ids of a load would have to share 128 bits to be taken for one.
 */
export class IdSet {
  readonly #shards = Array.from({ length: SHARDS }, () => new Shard());

  /** False if it was there already. */
  add(id: string): boolean {
    const print = fingerprint(id);
    return this.#shardOf(print).add(print);
  }

  has(id: string): boolean {
    const print = fingerprint(id);
    return this.#shardOf(print).has(print);
  }

  #shardOf(print: Uint32Array): Shard {
    const shard = this.#shards[(print[2] ?? 0) % SHARDS];
    if (shard === undefined) throw new Error('a fingerprint without a shard');
    return shard;
  }
}

/** An open table, at most half full. */
class Shard {
  #slots = new Uint32Array(16 * WORDS);
  #size = 0;

  add(print: Uint32Array): boolean {
    const at = this.#find(print);
    if (this.#slots[at] !== 0) return false;
    this.#slots.set(print, at);
    this.#size += 1;
    if (this.#size * 2 * WORDS > this.#slots.length) this.#grow();
    return true;
  }

  has(print: Uint32Array): boolean {
    return this.#slots[this.#find(print)] !== 0;
  }

  /** Where it stands, or the free place where it would. */
  #find(print: Uint32Array): number {
    const slots = this.#slots;
    const last = slots.length / WORDS - 1;
    for (let slot = (print[1] ?? 0) & last; ; slot = (slot + 1) & last) {
      const at = slot * WORDS;
      if (slots[at] === 0) return at;
      if (
        slots[at] === print[0] &&
        slots[at + 1] === print[1] &&
        slots[at + 2] === print[2] &&
        slots[at + 3] === print[3]
      )
        return at;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (let at = 0; at < before.length; at += WORDS) {
      if (before[at] === 0) continue;
      const print = before.subarray(at, at + WORDS);
      this.#slots.set(print, this.#find(print));
    }
  }
}

/** The first word is never 0: that is how a free place looks. */
function fingerprint(id: string): Uint32Array {
  const bytes = hash('sha256', id, 'buffer');
  const print = new Uint32Array(WORDS);
  for (let word = 0; word < WORDS; word += 1) print[word] = bytes.readUInt32LE(word * 4);
  if (print[0] === 0) print[0] = 1;
  return print;
}
