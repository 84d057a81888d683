import type { BuiltinRule } from './rules.ts';

/** We could not tell, which is also a no: answered 503, never forwarded. `detail` is for clients, `cause` for the log. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly rule: BuiltinRule;
  readonly detail: string;

  constructor(rule: BuiltinRule, detail: string, cause?: unknown) {
    super(`${rule}: ${detail}`, cause === undefined ? undefined : { cause });
    this.rule = rule;
    this.detail = detail;
  }
}

/** The code of a system's error, as `ENOENT`, or of a database's; blank for whatever has none. */
export const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';

/** Whatever was thrown, as an Error: opa-wasm throws strings and plain objects. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (typeof thrown === 'string') return new Error(thrown);
  return new Error(typeof thrown === 'object' ? JSON.stringify(thrown) : `thrown: ${typeof thrown}`);
}
