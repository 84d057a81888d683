/** What a call that could not be told was about. Never the bearer key, nor what was in the body. */
export interface Tried {
  readonly method: string;
  /** Without its query. */
  readonly url: string;
  readonly attempts: number;
  /** The HTTP status, where there was one that the gate does not give. */
  readonly status?: number;
  /** At no attempt was there a connection: nothing of it arrived. */
  readonly neverConnected?: true;
  /** Asks for the same request again. */
  readonly idempotencyKey?: string;
}

/**
 * There is no answer of the gate. A request may have been decided, forwarded and done all the same: the same idempotency key
 * tells.
 */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  readonly tried: Tried;
  /** What happened at the last attempt. */
  readonly why: string;

  constructor(why: string, tried: Tried) {
    const times = tried.attempts === 1 ? '' : ` (${tried.attempts} attempts)`;
    super(`${tried.method} ${tried.url}: ${why}${times}`);
    this.tried = tried;
    this.why = why;
  }
}

/** The client was used in a way that no gate could answer; nothing was sent. */
export class ClientMisuseError extends Error {
  override readonly name = 'ClientMisuseError';
}
