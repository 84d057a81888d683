import type { Clock } from '../kit/clock.ts';
import { asError } from '../kit/fault.ts';
import { parseJson } from '../kit/parse-json.ts';
import { parseRetryAfter } from './retry.ts';
import type { No } from './types.ts';
import type { WhyNot } from './why-not.ts';

/** One call, ready to be sent. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** With its query. */
  readonly path: string;
  /** Whether to make it twice is no more than to make it once: a read, or a call with an idempotency key. */
  readonly repeatable: boolean;
  readonly accept?: string;
  readonly body?: { readonly type: string; readonly content: string | ReadableStream };
  readonly idempotencyKey?: string;
  readonly prefer?: string;
  /** How long an attempt may take, milliseconds; of a stream until its head is there, and then for each piece. */
  readonly withinMs: number;
  readonly yes: Expected;
  readonly signal?: AbortSignal;
}

/**
 * What an answer of the gate is known by: one of these statuses, and an object that has each of these members. Any other 2xx is
 * the answer of something that stands between, or of something else; and so is one that is `whyNot` what was asked for.
 */
export interface Expected {
  readonly statuses: readonly number[];
  readonly members: readonly string[];
  readonly whyNot?: WhyNot;
}

/** Whom to call, and as whom. */
export interface Gate {
  /** Without a slash at its end. */
  readonly url: string;
  readonly key: string | undefined;
  readonly fetch: typeof fetch;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** What was answered, its body parsed. */
export interface Told {
  readonly ok: true;
  readonly status: number;
  readonly headers: Headers;
  readonly body: object;
}

/** A no of the gate, with the headers of its answer. */
export interface ToldNo extends No {
  readonly headers: Headers;
}

/** An answer that is read piece by piece. Reading it throws an Error that says why it could not be read to its end. */
export interface Streamed {
  readonly ok: true;
  readonly status: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** No answer of the gate. */
export interface Untold {
  readonly ok: 'untold';
  readonly why: string;
  readonly status?: number;
  /** Whether another attempt may have one. */
  readonly mayPass: boolean;
  /** What stands between asks for so much patience. */
  readonly retryAfterS?: number;
  /** There was no connection, so nothing can have arrived. */
  readonly neverConnected?: true;
}

const untold = (why: string, mayPass: boolean, status?: number): Untold => ({
  ok: 'untold',
  why,
  mayPass,
  ...(status !== undefined && { status }),
});

/** Makes a call once. @throws the signal's reason if it was aborted, and nothing else */
export async function attempt(gate: Gate, call: Call): Promise<Told | ToldNo | Untold> {
  return await open(gate, call, async (response, watch) => {
    const read = await readAnswer(response, call, gate.clock);
    watch.end();
    return read;
  });
}

/** Makes a call once whose yes is read piece by piece. @throws the signal's reason if it was aborted, and nothing else */
export async function attemptStream(gate: Gate, call: Call): Promise<Streamed | ToldNo | Untold> {
  return await open(gate, call, async (response, watch) => {
    if (response.status === 200 && response.body !== null && isOfType(response, call.accept))
      return { ok: true, status: 200, pieces: readPieces(response.body, watch) };
    const read = await readAnswer(response, call, gate.clock);
    watch.end();
    return read.ok === true ? untold(`it answered ${read.status} without a stream`, false) : read;
  });
}

/** A page of something that stands between has lines too. */
const isOfType = ({ headers }: Response, accept: string | undefined): boolean =>
  headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === accept;

/** Ends an attempt that stands still, or that was aborted. */
interface Watch {
  readonly signal: AbortSignal;
  /** Something came: the time begins anew. */
  touch(): void;
  end(): void;
  /** Why it ended, if it was by this watch. */
  reason(): string | undefined;
}

function watchOver({ withinMs, signal }: Call): Watch {
  const controller = new AbortController();
  let late: string | undefined;
  const stop = (): void => {
    late = `no answer within ${Math.round(withinMs / 1000)} s`;
    controller.abort(new Error(late));
  };
  let timer = setTimeout(stop, withinMs);
  return {
    signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(stop, withinMs);
    },
    end: () => {
      clearTimeout(timer);
    },
    reason: () => late,
  };
}

async function open<T>(
  gate: Gate,
  call: Call,
  read: (response: Response, watch: Watch) => Promise<T>,
): Promise<T | Untold> {
  const watch = watchOver(call);
  try {
    const response = await gate.fetch(gate.url + call.path, {
      method: call.method,
      headers: headersOf(gate, call),
      // To follow would give the key to whoever the answer names.
      redirect: 'manual',
      signal: watch.signal,
      ...(call.body !== undefined && { body: call.body.content, duplex: 'half' as const }),
    });
    return await read(response, watch);
  } catch (thrown) {
    watch.end();
    call.signal?.throwIfAborted();
    const late = watch.reason();
    if (late !== undefined) return untold(late, true);
    const code = codeOf(thrown) ?? '';
    return {
      ...untold(sayBroken(thrown, gate.url), !lasting.has(code)),
      ...((neverConnected.has(code) || lasting.has(code)) && { neverConnected: true as const }),
    };
  }
}

const headersOf = ({ key }: Gate, call: Call): Readonly<Record<string, string>> => ({
  accept: call.accept ?? 'application/json',
  ...(key !== undefined && { authorization: `Bearer ${key}` }),
  ...(call.body !== undefined && { 'content-type': call.body.type }),
  ...(call.idempotencyKey !== undefined && { 'idempotency-key': call.idempotencyKey }),
  ...(call.prefer !== undefined && { prefer: call.prefer }),
});

async function readAnswer(
  response: Response,
  { yes }: Call,
  clock: Pick<Clock, 'wallMs'>,
): Promise<Told | ToldNo | Untold> {
  const { status, headers } = response;
  if (status >= 300 && status < 400)
    return untold(`it answered ${status}: redirects are not followed`, false, status);
  const body = parseObject(await response.text());
  const isYes = yes.statuses.includes(status);
  if (isYes && body !== undefined && yes.members.every(name => Object.hasOwn(body, name))) {
    const why = yes.whyNot?.(body);
    if (why === undefined) return { ok: true, status, headers, body };
    return untold(`it answered ${status}, and not to what was asked: ${why}`, false, status);
  }
  if (status >= 400 && !isYes && body !== undefined && isProblem(body)) {
    const retryAfterS = parseRetryAfter(headers.get('retry-after'), clock.wallMs());
    return { ok: false, status, headers, problem: body, ...(retryAfterS !== undefined && { retryAfterS }) };
  }
  // Something stands between: its 5xx says as little as a connection that breaks, and its 429 asks for another try, too.
  const retryAfterS =
    status === 429 ? parseRetryAfter(headers.get('retry-after'), clock.wallMs()) : undefined;
  return {
    ...untold(`it answered ${status}, and not as a gate answers`, status >= 500 || status === 429, status),
    ...(retryAfterS !== undefined && { retryAfterS }),
  };
}

/** Only what makes a no a no is looked at; the rest is taken at the gate's word. */
const isProblem = (body: object): body is No['problem'] =>
  'type' in body && typeof body.type === 'string' && body.type.startsWith('/problems/');

function parseObject(text: string): object | undefined {
  const parsed = parseJson(text);
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
}

async function* readPieces(
  stream: AsyncIterable<Uint8Array>,
  watch: Watch,
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const piece of stream) {
      watch.end();
      yield piece;
      watch.touch();
    }
  } catch (thrown) {
    throw new Error(watch.reason() ?? sayBroken(thrown, ''));
  } finally {
    watch.end();
  }
}

/** In words, of what `fetch` throws: the reason is in its cause. Its own objects are not kept, for they may hold headers. */
function sayBroken(thrown: unknown, url: string): string {
  const cause = causeOf(thrown);
  const code = codeOf(thrown);
  if (code === undefined)
    return `the connection broke (${cause.name}${cause.message === '' ? '' : `: ${cause.message}`})`;
  const words = broken[code] ?? lasting.get(code) ?? `the connection broke (${code})`;
  // With TLS 1.3 it is how a server ends that asks for a certificate and sees none; without TLS, one that speaks nothing else.
  if (!closed.has(code) || url === '') return words;
  return url.startsWith('https:')
    ? `${words}; it may ask for a client certificate, or not know who signed the one it was shown`
    : `${words}; it may speak TLS only: https://…`;
}

function causeOf(thrown: unknown): Error {
  const error = asError(thrown);
  return error.cause instanceof Error ? error.cause : error;
}

function codeOf(thrown: unknown): string | undefined {
  const cause = causeOf(thrown);
  if (cause.message === BAD_PORT) return BAD_PORT;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** What `fetch` says, without a code, of ports that the standard keeps from it: 6000, 6667 … */
const BAD_PORT = 'bad port';

const neverConnected: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

const broken: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  EAI_AGAIN: 'the name of the host could not be looked up',
  ECONNRESET: 'the connection was reset',
  UND_ERR_SOCKET: 'the connection was closed by the other side',
  UND_ERR_CONNECT_TIMEOUT: 'the connection was not accepted in time',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a client certificate, and was shown none',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know who signed the client certificate',
};

/** Where the connection ends without a word. */
const closed: ReadonlySet<string> = new Set(['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE']);

const UNKNOWN_SIGNER =
  'its certificate is signed by nobody who is known here: name whose certificates to believe, with --ca FILE of the command line, or NODE_EXTRA_CA_CERTS';

/** What no other attempt mends. All of it comes before anything is sent. */
const lasting: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'there is no host of that name'],
  [
    BAD_PORT,
    'its port is kept for another protocol, and HTTP never calls it ("bad port"): give the gate another one',
  ],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_SIGNER],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_SIGNER],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_SIGNER],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_SIGNER],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNKNOWN_SIGNER],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet, or the clock here is wrong'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name than the one it was asked by'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'what answers there is no TLS: http://…'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'what answers there is no TLS: http://…'],
]);
