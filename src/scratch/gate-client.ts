import { parseJson } from '../kit/parse-json.ts';

/** What the gate answered. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** The body parsed; undefined if it is not JSON. */
  readonly body: unknown;
  readonly text: string;
}

export interface Call {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, with this content type. */
  readonly text?: { readonly type: string; readonly content: string };
}

export interface GateClient<Principal extends string = string> {
  /** One HTTP call as this principal. Rejects only if no answer came within a minute. */
  call(as: Principal, method: 'GET' | 'POST' | 'PUT' | 'PATCH', path: string, call?: Call): Promise<Reply>;
}

const PATIENCE_MS = 60_000;

export function createGateClient<Principal extends string>(
  gateUrl: string,
  keys: Readonly<Record<Principal, string>>,
): GateClient<Principal> {
  return {
    async call(as, method, path, call = {}) {
      const content = call.text?.content ?? (call.json === undefined ? undefined : JSON.stringify(call.json));
      const response = await fetch(`${gateUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${keys[as]}`,
          ...(content === undefined ? {} : { 'content-type': call.text?.type ?? 'application/json' }),
          ...call.headers,
        },
        ...(content === undefined ? {} : { body: content }),
        redirect: 'error',
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: parseJson(text), text };
    },
  };
}

/** What lies at this path of a JSON document; undefined if nothing does. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

/** The list at this path; empty if there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const list = at(value, ...path);
  return Array.isArray(list) ? list : [];
}

/** The text at this path, numbers included; `''` if there is none. */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const text = at(value, ...path);
  return typeof text === 'string' || typeof text === 'number' ? String(text) : '';
}

/** The rules of a reply's reasons, distinct, in order; of a fault, which has no reasons, its problem's name. */
export function rulesOf(reply: Reply): string[] {
  const rules = listAt(reply.body, 'reasons').map(reason => textAt(reason, 'rule'));
  const problem = textAt(reply.body, 'type').replace('/problems/', '');
  return [...new Set(rules.length > 0 || problem === '' ? rules : [problem])];
}
