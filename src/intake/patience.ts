/** How long a client is waited for, milliseconds: whoever is slower keeps a socket that another could use. */
export interface Patience {
  /** For the whole head of a request. */
  readonly headMs: number;
  /** For the whole body of a request that is kept in memory. */
  readonly bodyMs: number;
  /** For each piece of a body that is streamed. */
  readonly pieceMs: number;
  /** For a reader to take an answer, or what was written of a stream. */
  readonly readerMs: number;
}

export const PATIENCE: Patience = { headMs: 10_000, bodyMs: 30_000, pieceMs: 60_000, readerMs: 60_000 };
