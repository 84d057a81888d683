import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What stands between a client and a gate does with one call. */
export type Trouble =
  /** Passes it on, and the answer back. */
  | 'passes'
  /** Hangs up when the call is there; the gate hears nothing of it. */
  | 'breaks before'
  /** Passes it on, and hangs up when the gate has answered. */
  | 'breaks after'
  /** Passes it on, and half of the answer's body back. */
  | 'breaks within'
  /** Never answers; the gate hears nothing. */
  | 'hangs'
  /** Answers 200 with a page that is not the gate's. */
  | 'answers a page'
  /** As a load balancer that finds no gate. */
  | 'answers 502';

export interface Front {
  readonly url: string;
  /** Calls that came, since the last `plays`. */
  calls(): readonly { readonly method: string; readonly path: string; readonly key: string | undefined }[];
  /** From now on, call by call; after the last trouble everything passes. */
  plays(...troubles: Trouble[]): void;
  close(): void;
}

/** A way to a gate that can break. @param gateUrl looked at for each call */
export async function startFront(gateUrl: () => string): Promise<Front> {
  let script: Trouble[] = [];
  let seen: { method: string; path: string; key: string | undefined }[] = [];
  const server = createServer((req, res) => {
    const key = req.headers['idempotency-key'];
    seen.push({
      method: req.method ?? '',
      path: req.url ?? '',
      key: typeof key === 'string' ? key : undefined,
    });
    act(script.shift() ?? 'passes', req, res, gateUrl());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls: () => [...seen],
    plays: (...troubles) => {
      script = troubles;
      seen = [];
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function act(trouble: Trouble, req: IncomingMessage, res: ServerResponse, gateUrl: string): void {
  switch (trouble) {
    case 'breaks before':
      req.resume().once('end', () => req.socket.destroy());
      return;
    case 'hangs':
      req.resume();
      return;
    case 'answers a page':
      req.resume();
      res.writeHead(200, { 'content-type': 'text/html' }).end('<html>please log in</html>');
      return;
    case 'answers 502':
      req.resume();
      res.writeHead(502, { 'content-type': 'text/html' }).end('<html>bad gateway</html>');
      return;
    case 'passes':
    case 'breaks after':
    case 'breaks within':
      passOn(trouble, req, res, gateUrl);
      return;
  }
}

function passOn(trouble: Trouble, req: IncomingMessage, res: ServerResponse, gateUrl: string): void {
  const call = request(gateUrl + (req.url ?? ''), { method: req.method, headers: req.headers }, answer => {
    const pieces: Buffer[] = [];
    answer.on('data', (piece: Buffer) => pieces.push(piece));
    answer.once('end', () => {
      const body = Buffer.concat(pieces);
      if (trouble === 'breaks after') req.socket.destroy();
      else if (trouble === 'passes') res.writeHead(answer.statusCode ?? 500, answer.headers).end(body);
      else {
        res.writeHead(answer.statusCode ?? 500, answer.headers);
        res.write(body.subarray(0, Math.floor(body.length / 2)), () => setImmediate(() => res.destroy()));
      }
    });
  });
  call.once('error', () => req.socket.destroy());
  req.pipe(call);
}
