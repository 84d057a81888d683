import type { IncomingMessage, ServerResponse } from 'node:http';
import { KEY_TAKEN_OUT } from '../kit/refusal.ts';
import { parseStrictJson, type JsonObject } from '../kit/strict-json.ts';
import { isJsonType } from './headers.ts';
import type { LargeBodies } from './large-bodies.ts';
import type { Patience } from './patience.ts';
import { refused, type Refused } from './refused.ts';
import { CHALLENGE } from './identity.ts';

const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** To read what a smaller one says takes some 20 ms at most. */
const LARGE_BYTES = 1024 * 1024;

/** A request whose body is to be read. */
export interface Incoming {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly patience: Patience;
  /** What large bodies wait in. */
  readonly largeBodies: LargeBodies;
  /** Asked once more when the body has come. */
  readonly isStillKnown: () => boolean;
}

export const keyGone = (): Refused =>
  refused('request.unauthenticated', KEY_TAKEN_OUT, { headers: CHALLENGE });

/** The client closed the connection before its body was whole: nobody is there to answer. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';

  constructor() {
    super('the client left before its body was whole');
  }
}

/** Whether the head promises a body. */
export const hasBody = (req: IncomingMessage): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/** A client that sent `Expect: 100-continue` sends its body only now that somebody wants it. */
function welcome(req: IncomingMessage, res: ServerResponse): void {
  if (req.headers.expect?.toLowerCase() === '100-continue' && !res.headersSent) res.writeContinue();
}

/** No compressed body: what was counted is what is read. */
export function refuseEncoding(req: IncomingMessage): Refused | undefined {
  return req.headers['content-encoding'] === undefined
    ? undefined
    : refused('request.media_type', 'The body must come as it is: without a Content-Encoding.');
}

/** Content type and encoding of a JSON body. */
function refuseMediaType(req: IncomingMessage): Refused | undefined {
  const type = req.headers['content-type'];
  if (type === undefined || !isJsonType(type)) {
    return refused('request.media_type', 'The body must be of the type application/json, in UTF-8.');
  }
  return refuseEncoding(req);
}

/**
 * The body, whole; nothing of it is kept once it is too large or late. Large ones that end together are given one
 * after the other (large-bodies.ts): a stop would wait for all of them.
 * @throws ClientLeft when the connection ends before the body does.
 */
export async function readWhole(incoming: Incoming): Promise<Buffer | Refused> {
  const whole = await gather(incoming);
  if (Buffer.isBuffer(whole) && whole.length > LARGE_BYTES) await incoming.largeBodies.turn();
  return whole;
}

async function gather({ req, res, patience, isStillKnown }: Incoming): Promise<Buffer | Refused> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return tooLarge();
  welcome(req, res);
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (): void => {
      clearTimeout(timer);
      req.off('data', take).off('end', finish).off('close', leave).off('error', leave);
      stopHearing();
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) return void chunks.push(chunk);
      stop();
      resolve(tooLarge());
    };
    const finish = (): void => {
      stop();
      const [first = Buffer.of(), ...more] = chunks;
      resolve(isStillKnown() ? (more.length === 0 ? first : Buffer.concat(chunks, bytes)) : keyGone());
    };
    const leave = (): void => {
      stop();
      reject(new ClientLeft());
    };
    const timer = setTimeout(() => {
      stop();
      resolve(refused('request.too_slow', `The body did not arrive within ${patience.bodyMs / 1000} s.`));
    }, patience.bodyMs);
    const stopHearing = onCut(req, leave);
    req.on('data', take).on('end', finish).on('close', leave).on('error', leave);
  });
}

const tooLarge = (): Refused =>
  refused(
    'request.too_large',
    `The body is larger than ${MAX_BODY_BYTES} bytes. Nothing of it was looked at.`,
  );

/**
 * Calls when the client has closed its half of the connection before the body was whole: node says nothing of that to who reads it.
 * @returns what ends it
 */
export function onCut(req: IncomingMessage, call: () => void): () => void {
  const { socket } = req;
  const look = (): void => {
    if (!req.complete) call();
  };
  if (socket.readableEnded) process.nextTick(look);
  socket.once('end', look);
  return () => {
    socket.off('end', look);
  };
}

/**
 * Calls when the client has closed its half of the connection, or all of it, however long ago.
 * @returns what ends it
 */
export function onLeft({ socket }: IncomingMessage, call: () => void): () => void {
  if (socket.readableEnded || socket.destroyed) call();
  // Each request of a pipelined connection listens; of more than ten node would warn on stderr, where a gate writes JSON only.
  socket.setMaxListeners(0);
  socket.once('end', call).once('close', call);
  return () => {
    socket.off('end', call).off('close', call);
  };
}

/** The body as one JSON object, strictly. */
export async function readJson(incoming: Incoming): Promise<JsonObject | Refused> {
  const wrongType = refuseMediaType(incoming.req);
  if (wrongType !== undefined) return wrongType;
  const bytes = await readWhole(incoming);
  return Buffer.isBuffer(bytes) ? parseBody(bytes) : bytes;
}

/** As `readJson`, where a body may be left out, or be blank: then undefined. No content type is asked for. */
export async function readIfAny(incoming: Incoming): Promise<JsonObject | undefined | Refused> {
  const encoded = refuseEncoding(incoming.req);
  if (encoded !== undefined) return encoded;
  const bytes = await readWhole(incoming);
  if (!Buffer.isBuffer(bytes)) return bytes;
  return isOnlyBlanks(bytes) ? undefined : parseBody(bytes);
}

/** The white space of JSON, and nothing else. */
const isOnlyBlanks = (bytes: Uint8Array): boolean =>
  bytes.every(byte => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);

/** There it is a character outside of the alphabet, which has a name of its own: `targets.malformed`. */
const NUL_IN = new Set(['targets']);

function parseBody(bytes: Uint8Array): JsonObject | Refused {
  const parsed = parseStrictJson(bytes, NUL_IN);
  return parsed.ok ? parsed.value : refused('request.malformed', parsed.problem);
}

/**
 * The body piece by piece, for a reader that may stop early and still answer.
 * @throws ClientLeft when the client leaves, or sends nothing for `pieceMs` while it is waited for; Error when its key is gone.
 */
export async function* readPieces({
  req,
  res,
  patience,
  isStillKnown,
}: Incoming): AsyncGenerator<Uint8Array, void> {
  welcome(req, res);
  const pieces = req.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next: IteratorResult<unknown> = await pieceInTime(pieces.next(), req, patience.pieceMs);
      if (!isStillKnown()) throw new Error('the key was taken out');
      if (next.done === true) break;
      if (Buffer.isBuffer(next.value)) yield next.value;
    }
    if (!req.complete) throw new ClientLeft();
  } finally {
    // Not waited for: behind a piece that never comes, it would never end.
    pieces.return?.().catch(() => undefined);
  }
}

async function pieceInTime(
  piece: Promise<IteratorResult<unknown>>,
  req: IncomingMessage,
  withinMs: number,
): Promise<IteratorResult<unknown>> {
  let stop: () => void = () => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const leave = (): void => {
      reject(new ClientLeft());
    };
    const timer = setTimeout(leave, withinMs);
    const stopHearing = onCut(req, leave);
    stop = () => {
      clearTimeout(timer);
      stopHearing();
    };
  });
  try {
    return await Promise.race([piece, late]);
  } catch (error) {
    // Whatever ends a stream of the socket early is a client that left.
    throw error instanceof ClientLeft ? error : new ClientLeft();
  } finally {
    stop();
  }
}
