import { asError } from './fault.ts';
import { inTime } from './in-time.ts';

interface Waiting<Ask, Found> {
  readonly ask: Ask;
  readonly isWanted: () => boolean;
  resolve(found: Found): void;
  reject(error: Error): void;
}

/**
 * Gathers asks into shared reads, without a timer: those of one turn of the event loop, and those that come while a read is under way, share the
 * next read, in the order they came. What nobody waits for any more is not read. A read that is silent for `patienceMs` fails its own asks and delays no others.
 */
export class Together<Ask, Found> {
  readonly #read: (asks: readonly Ask[]) => Promise<readonly Found[]>;
  readonly #most: number;
  readonly #patienceMs: number;
  #waiting: Waiting<Ask, Found>[] = [];
  #reading = false;

  /** `read` gives as many as it was asked for, in that order; it is asked for at most `most`. */
  constructor(
    read: (asks: readonly Ask[]) => Promise<readonly Found[]>,
    options: { readonly most: number; readonly patienceMs: number },
  ) {
    this.#read = read;
    this.#most = options.most;
    this.#patienceMs = options.patienceMs;
  }

  /** `isWanted` is asked when its turn comes; what is not wanted any more is forgotten, and its promise stays open. */
  async ask(ask: Ask, isWanted: () => boolean = () => true): Promise<Found> {
    return await new Promise<Found>((resolve, reject) => {
      this.#waiting.push({ ask, isWanted, resolve, reject });
      if (!this.#reading) void this.#readAll();
    });
  }

  async #readAll(): Promise<void> {
    this.#reading = true;
    // One turn of the event loop lets what arrived together share a read.
    await new Promise(resolve => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      this.#waiting = this.#waiting.filter(({ isWanted }) => isWanted());
      const some = this.#waiting.splice(0, this.#most);
      if (some.length > 0) await this.#readFor(some);
    }
    this.#reading = false;
  }

  async #readFor(some: readonly Waiting<Ask, Found>[]): Promise<void> {
    try {
      const found = await inTime(
        this.#read(some.map(({ ask }) => ask)),
        this.#patienceMs,
        () => new Error(`a read was silent for ${this.#patienceMs} ms`),
      );
      if (found.length !== some.length)
        throw new Error(`${found.length} answers were read for ${some.length} asks`);
      for (const [index, one] of found.entries()) some[index]?.resolve(one);
    } catch (thrown) {
      for (const one of some) one.reject(asError(thrown));
    }
  }
}

/** More than ever ask at once. */
const ALL = 1_000_000;

/**
 * One read for all who ask at once. Whoever asks while one is under way gets the next: no answer is older than its
 * question, and never more than one read is under way, but for those that were silent for `patienceMs`.
 */
export function sharedRead<Found>(read: () => Promise<Found>, patienceMs: number): () => Promise<Found> {
  const together = new Together<undefined, Found>(
    async asks => {
      const found = await read();
      return asks.map(() => found);
    },
    { most: ALL, patienceMs },
  );
  return async () => await together.ask(undefined);
}
