/** Of a gate, whatever its executors' concurrency: what is unknown does not count against that, and each of these holds a socket. */
const MAX_LATE = 256;

interface Warns {
  warn(about: object, text: string): void;
}

/** The connections on which a late answer may still come. When there are too many, the one that has waited longest is hung up. */
export class LateAnswers {
  readonly #logger: Warns;
  readonly #most: number;
  readonly #hangUps = new Set<() => void>();
  #said = false;

  constructor(logger: Warns, most: number = MAX_LATE) {
    this.#logger = logger;
    this.#most = most;
  }

  add(hangUp: () => void): void {
    this.#hangUps.add(hangUp);
    const [oldest] = this.#hangUps;
    if (this.#hangUps.size <= this.#most || oldest === undefined) return;
    this.#hangUps.delete(oldest);
    oldest();
    // Once for as long as it lasts: an executor that is silent would fill the log too.
    if (!this.#said)
      this.#logger.warn(
        { most: this.#most },
        'too many requests are without an answer after the time-out: the oldest are not listened for any more, and stay unknown until they are settled',
      );
    this.#said = true;
  }

  delete(hangUp: () => void): void {
    this.#hangUps.delete(hangUp);
    if (this.#hangUps.size * 2 <= this.#most) this.#said = false;
  }
}
