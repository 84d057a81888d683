import type { IncomingMessage, ServerResponse } from 'node:http';
import { hasBody, onCut } from './body.ts';
import type { Patience } from './patience.ts';

/** How long what a client still sends is thrown away, so that it gets to read its answer. */
const LINGER_MS = 2_000;

export type Headers = Readonly<Record<string, string>>;

/**
 * Writes an answer whole. Where the request's body was not read to its end, the connection is closed after it, but not
 * before the client had the time to read: closing a socket with unread bytes in it would throw the answer away.
 */
export function write(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: Headers,
  body: string | Uint8Array,
): void {
  if (res.headersSent || res.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  const all = { ...headers, 'content-length': String(bytes) };
  if (req.complete || !hasBody(req)) {
    // A text goes out in one piece with the head.
    res.writeHead(status, all).end(body);
    return;
  }
  // Mostly the body is there already and was only not looked at: then the connection can be kept.
  req.resume();
  setImmediate(() => {
    if (req.complete) res.writeHead(status, all).end(body);
    else linger(req, res.writeHead(status, { ...all, connection: 'close' }), body);
  });
}

function linger(req: IncomingMessage, res: ServerResponse, body: string | Uint8Array): void {
  const end = (): void => {
    clearTimeout(timer);
    stopHearing();
    if (!res.writableEnded) res.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  const stopHearing = onCut(req, end);
  req.once('end', end).once('close', end).once('error', end);
  // The length is announced, so the client has its answer whole before the response is ended.
  res.write(body);
}

export function writeJson(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  body: object,
  headers: Headers = {},
): void {
  write(
    req,
    res,
    status,
    { 'content-type': 'application/json; charset=utf-8', ...headers },
    JSON.stringify(body),
  );
}

/**
 * Writes a stream piece by piece, in no more memory than a piece. The first piece is made before the head is sent, so that
 * what fails at once is answered as what it is; what fails later breaks the connection, so that a part is never taken for
 * the whole. A client that does not read for `readerMs` has its stream cut.
 */
export async function writeStream(
  { res, patience }: { readonly res: ServerResponse; readonly patience: Patience },
  headers: Headers,
  pieces: AsyncIterator<string>,
): Promise<void> {
  let piece = await pieces.next();
  res.writeHead(200, headers);
  while (piece.done !== true) {
    if (res.destroyed) return;
    if (!res.write(piece.value) && !(await drained(res, patience.readerMs))) {
      res.destroy();
      return;
    }
    piece = await pieces.next();
  }
  res.end();
}

async function drained(res: ServerResponse, withinMs: number): Promise<boolean> {
  return await new Promise(resolve => {
    const settle = (value: boolean): void => {
      clearTimeout(timer);
      res.off('drain', onDrain).off('close', onClose);
      resolve(value);
    };
    const onDrain = (): void => {
      settle(true);
    };
    const onClose = (): void => {
      settle(false);
    };
    const timer = setTimeout(settle, withinMs, false);
    res.on('drain', onDrain).on('close', onClose);
    if (res.destroyed) settle(false);
  });
}
