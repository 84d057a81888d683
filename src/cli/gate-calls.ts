import type { z } from 'zod';
import type * as answers from '../api/answers.ts';
import { asError } from '../kit/fault.ts';
import type { Connection } from './connection.ts';
import { NoAnswer, SaidNo, type Problem } from './said-no.ts';

export type RecordedDecision = z.infer<typeof answers.recordedDecision>;
export type Engaged = z.infer<typeof answers.engaged>;
export type Released = z.infer<typeof answers.released>;
export type Switches = z.infer<typeof answers.switches>;
export type InventorySummary = z.infer<typeof answers.inventory>;
export type Loaded = z.infer<typeof answers.loaded>;
export type Budgets = z.infer<typeof answers.budgets>;
export type PolicyInForce = z.infer<typeof answers.policy>;

export interface EngageBody {
  readonly scope?: z.infer<typeof answers.scope>;
  readonly reason?: string;
  readonly except?: readonly string[];
}

export interface Load {
  readonly method: 'PUT' | 'PATCH';
  readonly kind: string;
  readonly format: 'csv' | 'ndjson';
  readonly query: Readonly<Record<string, string>>;
  readonly content: AsyncIterable<Uint8Array>;
}

/** What the commands ask of a gate. Each throws SaidNo for a no of the gate, and NoAnswer where nothing can be told. */
export interface GateCalls {
  engage(body: EngageBody): Promise<Engaged>;
  release(id: string, reason: string): Promise<Released>;
  switches(): Promise<Switches>;
  /** One page, and the cursor of the next. */
  search(query: Readonly<Record<string, string>>): Promise<{
    readonly items: readonly RecordedDecision[];
    readonly next: string | null;
  }>;
  one(id: string): Promise<RecordedDecision>;
  /** NDJSON as it comes. */
  targets(id: string): AsyncIterable<Uint8Array>;
  trail(): AsyncIterable<Uint8Array>;
  load(load: Load): Promise<Loaded>;
  inventory(): Promise<InventorySummary>;
  budgets(): Promise<Budgets>;
  policy(): Promise<PolicyInForce>;
  /** Names of all rules that the gate knows; needs no key. */
  rules(): Promise<readonly string[]>;
}

/** A gate answers within 10 s, or says that it could not tell. */
const ANSWER_MS = 15_000;
const NDJSON = 'application/x-ndjson';

interface Sent {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly type?: string;
  readonly body?: string | AsyncIterable<Uint8Array>;
  /** Undefined where it takes as long as it takes. */
  readonly withinMs?: number;
}

/** The calls of one gate with one key. Nothing is asked twice: whoever engages a switch wants to know about this very try. */
export function gateCalls(connection: Connection): GateCalls {
  const ask = async (path: string, sent: Sent = {}): Promise<Response> => await send(connection, path, sent);
  const read = async <T>(path: string, sent: Sent = {}): Promise<T> =>
    await parse<T>(await ask(path, { withinMs: ANSWER_MS, ...sent }));
  const post = async <T>(path: string, body: object): Promise<T> =>
    await read<T>(path, { method: 'POST', type: 'application/json', body: JSON.stringify(body) });
  const stream = async function* (path: string): AsyncGenerator<Uint8Array, void> {
    yield* piecesOf(await ask(path, { accept: NDJSON }));
  };
  return {
    engage: async body => await post('/v1/kill-switch', body),
    release: async (id, reason) =>
      await post(`/v1/kill-switch/${encodeURIComponent(id)}/release`, { reason }),
    switches: async () => await read('/v1/kill-switch'),
    search: async query => await read('/v1/requests', { query }),
    one: async id => await read(`/v1/requests/${encodeURIComponent(id)}`),
    targets: id => stream(`/v1/requests/${encodeURIComponent(id)}/targets`),
    trail: () => stream('/v1/audit'),
    load: async ({ method, kind, format, query, content }) =>
      await parse(
        await ask(`/v1/inventory/${encodeURIComponent(kind)}`, {
          method,
          query,
          type: format === 'csv' ? 'text/csv' : NDJSON,
          body: content,
        }),
      ),
    inventory: async () => await read('/v1/inventory'),
    budgets: async () => await read('/v1/budgets'),
    policy: async () => await read('/v1/policy'),
    rules: async () => Object.keys((await read<{ rules: object }>('/problems')).rules),
  };
}

async function send({ url, key }: Connection, path: string, sent: Sent): Promise<Response> {
  const { method = 'GET', query = {}, accept = 'application/json', type, body, withinMs } = sent;
  const to = new URL(path, url);
  for (const [name, value] of Object.entries(query)) to.searchParams.set(name, value);
  let answer: Response;
  try {
    answer = await fetch(to, {
      method,
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${key}`,
        accept,
        ...(type !== undefined && { 'content-type': type }),
      },
      ...(withinMs !== undefined && { signal: AbortSignal.timeout(withinMs) }),
      ...(body !== undefined && {
        body: typeof body === 'string' ? body : ReadableStream.from(body),
        duplex: 'half',
      }),
    });
  } catch (thrown) {
    throw noAnswer(to, thrown);
  }
  if (answer.ok) return answer;
  throw new SaidNo(await problemOf(answer), to.origin);
}

function noAnswer(to: URL, thrown: unknown): NoAnswer {
  const error = asError(thrown);
  const why =
    error.name === 'TimeoutError'
      ? `nothing in ${ANSWER_MS / 1000} s`
      : asError(error.cause ?? error).message;
  const code = error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined;
  const neverThere = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
    String(code),
  );
  return new NoAnswer(`the gate at ${to.origin} does not answer: ${why}`, thrown, !neverThere);
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text().catch(() => '');
  try {
    const body: unknown = JSON.parse(text);
    // Whatever a gate of another version puts beside is kept: `--json` shows the answer as it came.
    if (typeof body === 'object' && body !== null) return { ...body, status: answer.status };
  } catch {
    // Not of a gate: a proxy's page says no more than its status.
  }
  return { status: answer.status, title: `${answer.url} answered ${answer.status}, and not as a gate does` };
}

/** The gate's own answers are taken at their word: a newer one may say more, and what is missing is shown as missing. */
async function parse<T>(answer: Response): Promise<T> {
  try {
    return (await answer.json()) as T;
  } catch (thrown) {
    throw new NoAnswer(`${answer.url} answered ${answer.status}, and not in JSON: is that a gate?`, thrown);
  }
}

async function* piecesOf(answer: Response): AsyncGenerator<Uint8Array, void> {
  try {
    if (answer.body !== null) yield* answer.body;
  } catch (thrown) {
    throw new NoAnswer(`the answer broke off: ${asError(thrown).message}`, thrown);
  }
}
