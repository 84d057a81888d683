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

/** Whatever was thrown, as an Error: opa-wasm throws strings and plain objects. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (typeof thrown === 'string') return new Error(thrown);
  return new Error(typeof thrown === 'object' ? JSON.stringify(thrown) : `thrown: ${typeof thrown}`);
}
