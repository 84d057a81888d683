/** `unknown` is neither: it could not be told, which is no "ok". */
export type Status = 'ok' | 'warn' | 'fail' | 'unknown';

/** One thing that was looked at. */
export interface Finding {
  readonly check: string;
  readonly status: Status;
  readonly what: string;
  /** What to do; nothing where nothing is to be done. */
  readonly todo?: string;
}

/** Findings of one check, under its name. */
export const findingsOf = (check: string) => ({
  ok: (what: string): Finding => ({ check, status: 'ok', what }),
  warn: (what: string, todo: string): Finding => ({ check, status: 'warn', what, todo }),
  fail: (what: string, todo: string): Finding => ({ check, status: 'fail', what, todo }),
  unknown: (what: string, todo: string): Finding => ({ check, status: 'unknown', what, todo }),
});
