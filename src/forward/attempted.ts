/**
 * What one attempt came to, in the executor's table:
 * `delivered`, `accepted` (it will report later) and `refused` are what it said; `unknown` is that the request was sent, at least
 * in part, and no answer settles what became of it; `never_connected` and `never_sent` are that not a byte of it left the gate.
 */
export interface Attempted {
  readonly kind: 'delivered' | 'accepted' | 'refused' | 'unknown' | 'never_connected' | 'never_sent';
  /** The final status that came, if one came. */
  readonly httpStatus?: number;
  /** With `never_sent` only: the claim was too old, the executor's key cannot be had, or the gate itself held it back. */
  readonly why?: 'expired' | 'no_bearer' | 'held_back';
  /** With `unknown` only: the executor's answer may still come, and this is what it says then; never rejects. */
  readonly late?: Promise<Attempted>;
  /** One sentence for people. Holds no address, no key and nothing that the executor wrote. */
  readonly detail: string;
}
