import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { expectDocumented } from './documented.ts';
import type { FakeExecutor } from './executor.ts';
import { keyOf, type Doc } from './gate.ts';

export interface ReasonBody {
  readonly rule: string;
  readonly message: string;
  readonly dimension?: string;
  readonly value?: string;
  readonly weight?: string;
  readonly measured?: number;
  readonly limit?: number;
  readonly unit?: string;
  readonly remedy?: string;
  readonly pointer?: string;
  readonly request?: string;
}

/** Whatever the gate answers: the fields that tests look at. */
export interface Body {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly instance?: string;
  readonly status?: number;
  readonly id?: string;
  readonly decision?: string;
  readonly action?: string;
  readonly principal?: string;
  readonly reason?: string;
  readonly targets?: { readonly count: number; readonly digest: string };
  readonly blast_radius?: Readonly<Record<string, unknown>>;
  readonly reasons?: readonly ReasonBody[];
  readonly passes?: number;
  readonly policy?: { readonly revision: string };
  readonly inventory?: { readonly revision: number; readonly age_s: number };
  readonly decided_at?: string;
  readonly outcome?: {
    readonly status: string;
    readonly rule?: string;
    readonly attempts?: number;
    readonly tries_again?: true;
  };
  readonly items?: readonly Body[];
  readonly next?: string | null;
  readonly engaged?: readonly Body[];
  readonly engaged_at?: string;
  readonly scope?: Doc;
  readonly on_the_wire?: readonly string[];
  readonly stopped?: readonly string[];
  readonly took_ms?: number;
  readonly kinds?: readonly KindBody[];
  readonly revision?: number | string;
  readonly changed?: number;
  readonly line?: number;
  readonly seq?: number;
  readonly at?: string;
  readonly body?: Doc;
  readonly prev?: string;
  readonly hash?: string;
  readonly rule?: string;
  readonly per?: string;
  readonly value?: string | null;
  readonly used?: number;
  readonly limit?: number;
  readonly warnings?: readonly string[];
}

export interface KindBody {
  readonly kind: string;
  readonly revision: number;
  readonly count: number;
  readonly age_s: number;
  readonly dimensions: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, if it is JSON; else an empty object. */
  readonly body: Body;
}

export interface CallOptions {
  /** The principal whose key is sent; null for none. */
  readonly as?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is if a string or bytes, else as JSON. */
  readonly body?: string | Uint8Array<ArrayBuffer> | object;
  readonly type?: string | null;
}

export interface SubmitOptions {
  readonly as?: string;
  /** Idempotency key; a fresh one by default. */
  readonly key?: string;
  readonly prefer?: string;
  /** Over the defaults of the body; a field that is undefined is left out. */
  readonly fields?: Doc;
}

/** `targets` of a request: ids, or the whole object. */
export type Targets = readonly string[] | object;

export interface Line {
  readonly id: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly removed?: boolean;
}

/** A line of the inventory for `hostKind`, in decommissioning, with these labels instead of the default ones. */
export const host = (id: string, labels: Readonly<Record<string, string>> = {}): Line => ({
  id,
  labels: {
    region: 'eu',
    zone: 'eu-1',
    cluster: 'c1',
    rack: 'r1',
    role: 'web',
    state: 'decommissioning',
    owner: 'team-a',
    ...labels,
  },
});

/** `count` hosts, named `prefix-001` on. */
export const hosts = (prefix: string, count: number, labels: Readonly<Record<string, string>> = {}): Line[] =>
  names(prefix, count).map(id => host(id, labels));

/** `prefix-001` on. */
export const names = (prefix: string, count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index + from).padStart(3, '0')}`);

export const ndjson = (lines: readonly object[]): string =>
  lines.map(line => `${JSON.stringify(line)}\n`).join('');

export type Api = ReturnType<typeof apiOf>;

/** The calls of the contract, against one gate. Reads are the auditor's unless said. */
export function apiOf(gate: { readonly url: string }) {
  const call = async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
    const headers = new Headers();
    const { body } = options;
    const as = options.as === undefined ? 'auditor' : options.as;
    if (as !== null) headers.set('authorization', `Bearer ${keyOf(as)}`);
    const content =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body);
    const type = options.type === undefined ? 'application/json' : options.type;
    if (content !== undefined && type !== null) headers.set('content-type', type);
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
    const sent = content === undefined || type !== null ? content : new Blob([content]);
    const response = await fetch(gate.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, text, body: parseBody(text) };
    expectDocumented(method, path, answer);
    return answer;
  };
  const get = (path: string, options: CallOptions = {}): Promise<Answer> => call('GET', path, options);
  const post = (path: string, body?: CallOptions['body'], options: CallOptions = {}): Promise<Answer> =>
    call('POST', path, { ...options, ...(body === undefined ? {} : { body }) });

  const bodyOf = (action: string, targets: Targets, fields: Doc = {}): Doc => ({
    action,
    targets: Array.isArray(targets) ? { ids: targets } : targets,
    reason: 'a contract test',
    ...fields,
  });
  const ask = (body: CallOptions['body'], options: SubmitOptions = {}): Promise<Answer> =>
    post('/v1/requests', body, {
      as: options.as ?? 'bot',
      headers: {
        'idempotency-key': options.key ?? randomUUID(),
        ...(options.prefer === undefined ? {} : { prefer: options.prefer }),
      },
    });
  const search = async (query: Readonly<Record<string, string>>): Promise<readonly Body[]> => {
    const answer = await get(`/v1/requests?${new URLSearchParams(query).toString()}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body.items ?? [];
  };
  const request = async (id: string | undefined): Promise<Body> => {
    const answer = await get(`/v1/requests/${id}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  };

  return {
    call,
    get,
    post,
    bodyOf,
    /** Submits a body as it is. */
    ask,
    submit: (action: string, targets: Targets, options: SubmitOptions = {}): Promise<Answer> =>
      ask(bodyOf(action, targets, options.fields), options),
    preflight: (action: string, targets: Targets, options: SubmitOptions = {}): Promise<Answer> =>
      post('/v1/preflight', bodyOf(action, targets, options.fields), { as: options.as ?? 'bot' }),
    search,
    /** The recorded decision, which must be there. */
    request,
    outcome: (id: string | undefined, body: object, as = 'operator'): Promise<Answer> =>
      post(`/v1/requests/${id}/outcome`, body, { as }),
    cancel: (id: string | undefined, as = 'bot', body?: Doc): Promise<Answer> =>
      post(`/v1/requests/${id}/cancel`, body, { as }),
    engage: (body?: CallOptions['body'], as = 'operator'): Promise<Answer> =>
      post('/v1/kill-switch', body, { as }),
    release: (id: string | undefined, reason = 'it is over', as = 'operator'): Promise<Answer> =>
      post(`/v1/kill-switch/${id}/release`, { reason }, { as }),
    /** Loads a snapshot as the feed; NDJSON unless a type is given. */
    put: (
      kind: string,
      lines: readonly object[] | string,
      query = '',
      options: CallOptions = {},
    ): Promise<Answer> =>
      call('PUT', `/v1/inventory/${kind}${query}`, {
        as: 'feed',
        type: 'application/x-ndjson',
        body: typeof lines === 'string' ? lines : ndjson(lines),
        ...options,
      }),
    patch: (
      kind: string,
      lines: readonly object[] | string,
      query = '',
      options: CallOptions = {},
    ): Promise<Answer> =>
      call('PATCH', `/v1/inventory/${kind}${query}`, {
        as: 'feed',
        type: 'application/x-ndjson',
        body: typeof lines === 'string' ? lines : ndjson(lines),
        ...options,
      }),
    /** What is in force of a kind; undefined if nothing. */
    kind: async (kind: string): Promise<KindBody | undefined> =>
      (await get('/v1/inventory')).body.kinds?.find(one => one.kind === kind),
    /** The whole audit trail, page by page. */
    audit: async (): Promise<readonly Body[]> => {
      const entries: Body[] = [];
      let next: string | null | undefined;
      do {
        const page: Answer = await get(
          `/v1/audit${next === undefined || next === null ? '' : `?cursor=${encodeURIComponent(next)}`}`,
        );
        expect(page.status, page.text).toBe(200);
        entries.push(...(page.body.items ?? []));
        next = page.body.next;
      } while (next !== null && next !== undefined);
      return entries;
    },
    /** Waits until the outcome of a request has this status. */
    untilOutcome: (id: string | undefined, status: string, withinMs = 10_000): Promise<Body> =>
      until(
        () => request(id),
        found => found.outcome?.status === status,
        withinMs,
      ),
  };
}

function parseBody(text: string): Body {
  try {
    const parsed: unknown = JSON.parse(text);
    // Taken at its word: every field is optional, and each test looks at the value that it got.
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

/** Asks again until the answer is as wanted; fails with the last one. */
export async function until<T>(
  ask: () => Promise<T>,
  done: (value: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
    if (Date.now() > deadlineMs)
      throw new Error(`still not so after ${withinMs} ms: ${JSON.stringify(value)}`);
    await sleep(25);
  }
}

/** By then the gate has heard the signal that it shall stop. */
export const untilItListensNoMore = async (api: Pick<Api, 'get'>): Promise<unknown> =>
  await until(
    () => api.get('/livez', { as: null, headers: { connection: 'close' } }).catch(() => undefined),
    answer => answer === undefined,
  );

export const rulesOf = (body: Body): string[] => (body.reasons ?? []).map(reason => reason.rule);

/** What the executor received for these targets or this request. */
export const forwardedFor = (
  executor: FakeExecutor,
  what: { readonly id?: string; readonly targets?: readonly string[] },
) =>
  executor.received().filter(({ headers, json }) => {
    if (what.id !== undefined && headers['idempotency-key'] === what.id) return true;
    return what.targets !== undefined && idsOf(json).some(id => what.targets?.includes(id) === true);
  });

const idsOf = (json: unknown): string[] =>
  typeof json === 'object' && json !== null && 'targets' in json && Array.isArray(json.targets)
    ? json.targets.filter(id => typeof id === 'string')
    : [];

/** Runs a call, and asserts that the executor received nothing while it ran. */
export async function withNothingForwarded<T>(executor: FakeExecutor, run: () => Promise<T>): Promise<T> {
  const before = executor.received().length;
  const result = await run();
  expect(executor.received().slice(before), 'the executor must receive nothing').toEqual([]);
  return result;
}

/** A problem of RFC 9457 of this status and rule, as the contract words it. */
export function expectProblem(answer: Answer, status: number, rule?: string): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers.get('content-type') ?? '').toMatch(/^application\/problem\+json/u);
  expect(answer.body.title ?? '', answer.text).not.toBe('');
  expect(answer.body.detail ?? '', answer.text).not.toBe('');
  expect(answer.body.instance ?? '', answer.text).not.toBe('');
  if (rule !== undefined) expect(answer.body.type, answer.text).toBe(`/problems/${rule}`);
}

/** A refusal by exactly these rules: the problem, the reasons in their order, and the same in the record. */
export async function expectRefusal(
  api: Api,
  answer: Answer,
  status: number,
  ruleNames: readonly string[],
): Promise<Body> {
  expectProblem(answer, status);
  expect(rulesOf(answer.body), answer.text).toEqual(ruleNames);
  expect(ruleNames.map(rule => `/problems/${rule}`)).toContain(answer.body.type);
  expect(answer.body.decision).toBe('refused');
  for (const reason of answer.body.reasons ?? [])
    expect(reason.message, answer.text).toEqual(expect.any(String));
  expect(answer.body).not.toHaveProperty('outcome');
  const record = await api.request(answer.body.id);
  expect(record.id).toBe(answer.body.id);
  expect(record.decision).toBe(answer.body.decision);
  expect(record.reasons).toEqual(answer.body.reasons);
  return answer.body;
}

/** An allow that was delivered: the answer, and the same in the record. */
export async function expectDelivered(api: Api, answer: Answer): Promise<Body> {
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body.decision, answer.text).toBe('allowed');
  expect(answer.body.reasons).toEqual([]);
  expect(answer.body.outcome?.status, answer.text).toBe('delivered');
  const record = await api.request(answer.body.id);
  expect(record.decision).toBe('allowed');
  expect(record.outcome?.status).toBe('delivered');
  return answer.body;
}

/** No record under this idempotency key. */
export async function expectNoRecord(api: Api, key: string): Promise<void> {
  expect(await api.search({ idempotency_key: key })).toEqual([]);
}

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** Sends these very bytes on a connection of its own and reads until the other side ends it; status 0 for no answer. */
export async function sendRaw(
  url: string,
  content: string | Uint8Array,
  options: { readonly destroy?: boolean } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return await new Promise(resolve => {
    const socket = connect({ host: hostname, port: Number(port) });
    let text = '';
    const done = (): void => resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/u.exec(text)?.[1] ?? 0), text });
    socket.setEncoding('utf8');
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', done);
    socket.write(content, () => {
      if (options.destroy === true) socket.destroy();
      else socket.end();
    });
  });
}
