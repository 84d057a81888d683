import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request as the fake executor got it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came: what was sent twice is here twice. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** The body parsed; undefined if it is not JSON. */
  readonly json: unknown;
  /** Unix time when the body was complete, milliseconds. */
  readonly atMs: number;
  /** Number of the connection that it came on, from 1. */
  readonly connection: number;
}

/** What the fake executor does with a request. */
export type Behaviour =
  /** Answers, after `delayMs` if given. Sends `body` (default none) and `headers`. */
  | {
      readonly type: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly delayMs?: number;
    }
  /** Answers with `status` (default 200) when the test calls `release()`. */
  | { readonly type: 'hold'; readonly status?: number }
  /** Reads the request and never answers. */
  | { readonly type: 'hang' }
  /** Sends a status line and then header lines for ever, one every `everyMs`, never the end of the head. */
  | { readonly type: 'drip_head'; readonly everyMs: number }
  /** Sends a whole head and then a byte of body every `everyMs`, for ever. */
  | { readonly type: 'drip_body'; readonly status: number; readonly everyMs: number }
  /** Sends a whole head and then as much body as the other side takes, for ever. */
  | { readonly type: 'endless_body'; readonly status: number }
  /** Ends the connection as soon as it is accepted, before anything is read. */
  | { readonly type: 'close_at_connect' }
  /** Ends the connection when the request's head has come, its body unread. Such requests are received with an empty body. */
  | { readonly type: 'close_at_head' }
  /** Reads the whole request and ends the connection without a byte. */
  | { readonly type: 'close_before_head' }
  /** Reads the whole request and sends these very bytes; ends the connection unless `keepOpen`. */
  | { readonly type: 'raw'; readonly text: string; readonly keepOpen?: boolean }
  /** Answers `status` (default 307) with a Location; default the trap of this executor. */
  | { readonly type: 'redirect'; readonly status?: number; readonly to?: string }
  /** Sends an interim head (100, 102, 103) and then nothing more, or after `thenStatus` a final answer. */
  | { readonly type: 'interim'; readonly status: number; readonly thenStatus?: number }
  /** Answers `status` (default 200) with so many bytes of headers. */
  | { readonly type: 'huge_headers'; readonly bytes: number; readonly status?: number };

/** One behaviour for all, one after the other (the last stays), or chosen for each request. */
export type Script = Behaviour | readonly [Behaviour, ...Behaviour[]] | ((received: Received) => Behaviour);

export interface FakeExecutor {
  /** Where to POST, like `http://127.0.0.1:40123/do`. */
  readonly url: string;
  /** Every request so far, in order, but those of the trap. */
  received(): readonly Received[];
  /** Requests that followed a redirect. Must stay empty. */
  trapped(): readonly Received[];
  /** Connections accepted so far, whether or not a request came on them. */
  connections(): number;
  /** Connections that are open now. */
  open(): number;
  /** The most requests that were read whole and not answered at the same time, since the last `behave`. */
  mostAtOnce(): number;
  /** Resolves when at least `count` requests have been received. */
  receivedAtLeast(count: number): Promise<void>;
  /** From now on. A sequence begins anew. */
  behave(script: Script): void;
  /** Lets every held request be answered, now and until the next `behave`. */
  release(): void;
  /** Ends every connection, whatever it waits for. */
  close(): Promise<void>;
}

/** An executor for tests on 127.0.0.1: it does what it is told, and keeps what it was sent. Answers 200 by default. */
export async function startExecutor(
  script: Script = { type: 'answer', status: 200 },
  options: { readonly port?: number } = {},
): Promise<FakeExecutor> {
  const requests: Received[] = [];
  const trap: Received[] = [];
  const sockets = new Map<Socket, number>();
  const timers = new Set<NodeJS.Timeout>();
  let waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let held: (() => void)[] = [];
  let released = false;
  let accepted = 0;
  const inHand = new Set<ServerResponse>();
  let mostAtOnce = 0;
  let current = script;
  let step = 0;

  const next = (received: Received): Behaviour => {
    if (typeof current === 'function') return current(received);
    if (!('length' in current)) return current;
    const behaviour = current[Math.min(step, current.length - 1)] ?? current[0];
    step += 1;
    return behaviour;
  };
  const early = (type: Behaviour['type']): boolean =>
    typeof current === 'object' && !('length' in current) && current.type === type;

  const take = (request: IncomingMessage, body: string): Received => {
    const received: Received = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body,
      json: parseJson(body),
      atMs: Date.now(),
      connection: sockets.get(request.socket) ?? 0,
    };
    (received.path === '/trap' ? trap : requests).push(received);
    const ready = waiting.filter(one => requests.length >= one.count);
    waiting = waiting.filter(one => requests.length < one.count);
    for (const one of ready) one.resolve();
    return received;
  };

  const stage: Stage = {
    every(socket, everyMs, act) {
      const timer = setInterval(act, everyMs);
      timers.add(timer);
      socket.once('close', () => clearInterval(timer));
    },
    after(delayMs, act) {
      timers.add(setTimeout(act, delayMs));
    },
    hold(act) {
      if (released) act();
      else held.push(act);
    },
    answering: response => void inHand.delete(response),
    trapUrl: () => `http://127.0.0.1:${portOf(server.address())}/trap`,
  };

  const server = createServer({ maxHeaderSize: 1 << 20 }, (request, response) => {
    request.on('error', () => undefined);
    if (early('close_at_head')) {
      take(request, '');
      request.socket.destroy();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      inHand.add(response);
      response.once('close', () => inHand.delete(response));
      mostAtOnce = Math.max(mostAtOnce, inHand.size);
      const received = take(request, Buffer.concat(chunks).toString('utf8'));
      perform(received.path === '/trap' ? { type: 'answer', status: 200 } : next(received), response, stage);
    });
  });
  server.requestTimeout = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.set(socket, accepted);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    if (early('close_at_connect')) socket.resetAndDestroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${portOf(server.address())}/do`,
    received: () => [...requests],
    trapped: () => [...trap],
    connections: () => accepted,
    open: () => sockets.size,
    mostAtOnce: () => mostAtOnce,
    receivedAtLeast: async count => {
      if (requests.length >= count) return;
      await new Promise<void>(resolve => waiting.push({ count, resolve }));
    },
    behave(other) {
      current = other;
      step = 0;
      released = false;
      mostAtOnce = inHand.size;
    },
    release() {
      released = true;
      for (const act of held) act();
      held = [];
    },
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets.keys()) socket.destroy();
      if (!server.listening) return;
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}

interface Stage {
  every(socket: Socket, everyMs: number, act: () => void): void;
  after(delayMs: number, act: () => void): void;
  hold(act: () => void): void;
  /** Called right before an answer is sent: what comes because of it is not beside it. */
  answering(response: ServerResponse): void;
  trapUrl(): string;
}

function perform(behaviour: Behaviour, response: ServerResponse, stage: Stage): void {
  const socket = response.socket;
  if (socket === null) return;
  switch (behaviour.type) {
    case 'answer': {
      const answer = (): void => {
        stage.answering(response);
        response.writeHead(behaviour.status, { ...behaviour.headers }).end(behaviour.body ?? '');
      };
      if (behaviour.delayMs === undefined) answer();
      else stage.after(behaviour.delayMs, answer);
      return;
    }
    case 'hold':
      stage.hold(() => {
        stage.answering(response);
        response.writeHead(behaviour.status ?? 200).end();
      });
      return;
    case 'hang':
      return;
    case 'drip_head':
      socket.write('HTTP/1.1 200 OK\r\n');
      stage.every(socket, behaviour.everyMs, () => socket.write('x-drip: 1\r\n'));
      return;
    case 'drip_body':
      socket.write(`HTTP/1.1 ${behaviour.status} Dripping\r\ncontent-length: 1000000\r\n\r\n`);
      stage.every(socket, behaviour.everyMs, () => socket.write('x'));
      return;
    case 'endless_body':
      socket.write(`HTTP/1.1 ${behaviour.status} Endless\r\ntransfer-encoding: chunked\r\n\r\n`);
      pour(socket);
      return;
    case 'close_at_connect':
    case 'close_at_head':
    case 'close_before_head':
      socket.destroy();
      return;
    case 'raw':
      if (behaviour.keepOpen === true) socket.write(behaviour.text);
      else socket.end(behaviour.text);
      return;
    case 'redirect':
      response.writeHead(behaviour.status ?? 307, { location: behaviour.to ?? stage.trapUrl() }).end();
      return;
    case 'interim':
      socket.write(`HTTP/1.1 ${behaviour.status} Interim\r\n\r\n`);
      if (behaviour.thenStatus !== undefined) response.writeHead(behaviour.thenStatus).end();
      return;
    case 'huge_headers':
      response.writeHead(behaviour.status ?? 200, { 'x-huge': 'x'.repeat(behaviour.bytes) }).end();
      return;
  }
}

/** Writes chunks for as long as the other side takes them. */
function pour(socket: Socket): void {
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the fake executor has no port');
  return address.port;
}
