import { createContext, Script } from 'node:vm';

import { cpuMs, systemClock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';

/** So long one check of parameters may take. One that a schema is made for takes microseconds. */
const CHECK_MS = 250;

/** What takes less is nobody's fault, and is not counted: many values take some time. */
const FREE_MS = 50;

/** Of its time a principal may have this part checked at, once a whole check has been used up. */
const SHARE = 0.1;

const run = new Script('check()');

/** It stands still in the middle of what it did: whatever it keeps is thrown away. */
export class CheckEnded extends Fault {
  constructor() {
    super(
      'gate.failed',
      `The parameters were not checked to their end: that took more than ${CHECK_MS} ms. A pattern of the action's schema takes so long where its parts can match the same text in many ways, as in (a+b?)*. Nothing was decided.`,
    );
  }
}

/**
 * Ends a check that takes too long. A pattern of a schema may take time without end on forty characters, and the one thread of the gate has the kill
 * switch on it.
 */
export class CheckTime {
  readonly #context: { check?: () => unknown } = createContext({});
  readonly #nowMs: () => number;
  readonly #usedMs: () => number;
  /** By principal: how much time its checks took that has not been made good yet, and when that was so, milliseconds. */
  readonly #owed = new Map<string, { readonly ms: number; readonly atMs: number }>();

  /** @param usedMs what is counted: while the machine is busy with others, a check takes long that nobody made long */
  constructor(nowMs = (): number => systemClock.monotonicMs(), usedMs = cpuMs) {
    this.#nowMs = nowMs;
    this.#usedMs = usedMs;
  }

  /**
   * @param principal who asks: whose checks took long is not checked at all for a while
   * @param anew makes `check` ready to be begun once more after it was ended
   * @throws CheckEnded; Fault `gate.failed` where it was not begun; whatever `check` throws
   */
  run<T>(principal: string, check: () => T, anew: () => void): T {
    const begunMs = this.#nowMs();
    const owed = this.#owed.get(principal) ?? { ms: 0, atMs: begunMs };
    const leftMs = owed.ms - (begunMs - owed.atMs) * SHARE;
    if (leftMs >= CHECK_MS) {
      const seconds = Math.floor((leftMs - CHECK_MS) / SHARE / 1000) + 1;
      throw new Fault(
        'gate.failed',
        `Checking the parameters of ${principal} has taken too long: no more of them are checked for ${seconds} s. Nothing was decided.`,
      );
    }
    const usedMs = this.#usedMs();
    let tookMs = Infinity;
    try {
      const result = this.#twice(check, anew, usedMs);
      tookMs = this.#usedMs() - usedMs;
      return result;
    } finally {
      const atMs = this.#nowMs();
      // One that was ended, or failed, has held the gate up for all of its time.
      tookMs = Math.min(tookMs, atMs - begunMs);
      if (tookMs > FREE_MS) this.#owed.set(principal, { ms: Math.max(0, leftMs) + tookMs, atMs });
    }
  }

  /** Once more where it was ended and had used little: a machine that is busy with others, or a container that may not run, ends what is right too. */
  #twice<T>(check: () => T, anew: () => void, usedMs: number): T {
    try {
      return this.#within(check);
    } catch (thrown) {
      if (!(thrown instanceof CheckEnded) || this.#usedMs() - usedMs >= CHECK_MS / 2) throw thrown;
      anew();
      return this.#within(check);
    }
  }

  #within<T>(check: () => T): T {
    let result: { readonly of: T } | undefined;
    this.#context.check = () => (result = { of: check() });
    try {
      run.runInContext(this.#context, { timeout: CHECK_MS });
    } catch (thrown) {
      throw isTimedOut(thrown) ? new CheckEnded() : thrown;
    } finally {
      delete this.#context.check;
    }
    if (result === undefined) throw new Fault('gate.failed', 'a check of parameters ended without a result');
    return result.of;
  }
}

/** It is an error of the context that was run in, and so not an instance of ours. */
const isTimedOut = (thrown: unknown): boolean =>
  typeof thrown === 'object' &&
  thrown !== null &&
  'code' in thrown &&
  thrown.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
