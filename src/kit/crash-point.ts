/** The steps between intake and outcome before which, or after which, the tests have a gate die: `kill -9`, at exactly there. */
export type CrashPoint =
  /** The body was read; nothing was looked at yet. */
  | 'intake.read'
  | 'validate.passed'
  | 'targets.resolved'
  /** A turn has drafted what it writes; the statement is not sent yet. */
  | 'turn.decided'
  /** Under the lock: written in the transaction, not committed. */
  | 'turn.uncommitted'
  /** The turn is durable; nobody was told. */
  | 'turn.committed'
  /** What waited is about to be claimed. */
  | 'claim.begun'
  /** A claim is durable, whether it waited or not; its attempt has not begun. */
  | 'claim.committed'
  /** The connection is up, and no byte of the request was written. */
  | 'forward.unsent'
  | 'forward.sent'
  /** The executor's answer is in hand, and nowhere else. */
  | 'forward.answered'
  | 'outcome.drafted'
  /** The outcome is durable; the client that waits for it has no answer. */
  | 'outcome.committed'
  | 'engage.drafted'
  | 'engage.committed'
  /** A claim that nobody answers for is about to be recorded as lost. */
  | 'sweep.drafted'
  | 'sweep.committed';

/**
 * Does nothing. Imported as `#crash-point`, in whose place `node --conditions=interlock-crash` has the module that kills: it is
 * one of the tests, and not part of what is published (package.json, `imports`).
 */
export function crashPoint(_at: CrashPoint): void {}
