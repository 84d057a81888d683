import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '../kit/logger.ts';

/**
 * Connections at once. Each is a file descriptor, and the database and the executors need some too: without a bound a crowd of
 * clients would take those. Far below what systems give a service (LimitNOFILE), far above what a fleet's automation opens.
 */
const MAX_CONNECTIONS = 4_000;
/** So many are ended to make room for the next ones: few, for a load of an inventory may be among them. */
const ROOM = 100;
/** Requests that are answered at once on one connection. Each answer is held until the one before it was read. */
const MOST_PIPELINED = 16;
/** Between two lines of the log about connections that were turned away. */
const SAY_AGAIN_MS = 60_000;

/** Turns connections away beyond a number, and makes room for the next: whoever wants to stop must not wait for idle or slow ones. */
export function boundConnections(
  server: Server,
  connections: Pick<Connections, 'makeRoom'>,
  logger: Logger,
  monotonicMs: () => number,
  most = MAX_CONNECTIONS,
): void {
  server.maxConnections = most;
  let saidMs = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    server.closeIdleConnections();
    connections.makeRoom();
    if (monotonicMs() - saidMs < SAY_AGAIN_MS) return;
    saidMs = monotonicMs();
    logger.warn(
      { connections: most },
      'too many connections: new ones are turned away, and idle or slow ones closed to make room',
    );
  });
}

/** What is being answered on which connection of a server. */
export interface Connections {
  /** Takes note of a request. False where its connection is ending: it must not be looked at, and is never answered. */
  begin(req: IncomingMessage, res: ServerResponse): boolean;
  isAnswering(socket: Duplex): boolean;
  /** Has it end behind the answers that are under way. False where there is none, or one is of a request that is not whole. */
  endBehindAnswers(socket: Duplex): boolean;
  /** Whether a request is being answered whose body is not whole. */
  isWaitingForBody(socket: Duplex): boolean;
  /** Ends the connections that there are: at once where nothing is being answered, else behind the answers that are under way. */
  endAll(): void;
  /**
   * Hangs up on who is waited for: connections on which nothing is being answered (half a head, a handshake, silence), and
   * requests whose body is not whole, of which nothing was decided, or is in force.
   */
  hangUpOnWaiting(): void;
  /** Hangs up on the oldest of those whose client is slow, to send its request or to read its answer; not while others are ending. */
  makeRoom(): void;
}

interface OpenConnection {
  readonly socket: Socket;
  readonly answering: Set<ServerResponse>;
  /** Whether it ends behind what is being answered. */
  isEnding: boolean;
}

/**
 * Node's own list of idle connections lacks those that never sent a whole head, and a server that closes does not look at their
 * time any more: one silent client would keep a gate from stopping.
 */
export function watchConnections(server: Server, readerMs: number): Connections {
  const open = new Map<string, OpenConnection>();
  server.on('connection', (socket: Socket) => {
    // With TLS this is the bare socket, and a request comes with another around it: both have the peer's address.
    const key = peerOf(socket);
    if (key === undefined) return;
    const entry: OpenConnection = { socket, answering: new Set(), isEnding: false };
    open.set(key, entry);
    socket.once('close', () => {
      if (open.get(key) === entry) open.delete(key);
    });
  });
  const entryOf = (socket: Duplex): OpenConnection | undefined => open.get(peerOf(socket) ?? '');
  const begin = (req: IncomingMessage, res: ServerResponse): boolean => {
    const entry = entryOf(req.socket);
    if (entry === undefined) return true;
    // A client that always sends its next request before it has its answer would otherwise never have to go.
    entry.isEnding ||= entry.answering.size >= MOST_PIPELINED;
    if (entry.isEnding) return false;
    entry.answering.add(res);
    let unread: NodeJS.Timeout | undefined;
    // The answer is whole, and its turn on the connection has come.
    res.once('prefinish', () => {
      unread = setTimeout(() => req.socket.destroy(), readerMs);
    });
    res.once('close', () => {
      clearTimeout(unread);
      entry.answering.delete(res);
      if (entry.isEnding && entry.answering.size === 0) req.socket.destroySoon();
    });
    return true;
  };
  return {
    begin,
    endBehindAnswers: socket => endBehindAnswers(entryOf(socket)),
    isAnswering: socket => (entryOf(socket)?.answering.size ?? 0) > 0,
    isWaitingForBody: socket => [...(entryOf(socket)?.answering ?? [])].some(({ req }) => !req.complete),
    endAll: () => {
      for (const entry of open.values()) {
        entry.isEnding = true;
        if (entry.answering.size === 0) entry.socket.destroy();
      }
    },
    hangUpOnWaiting: () => {
      for (const { socket, answering } of open.values()) {
        if (answering.size === 0) socket.destroy();
        for (const { req } of answering) if (!req.complete) req.destroy();
      }
    },
    makeRoom: () => {
      // In the order in which they came: who came last may be about to stop everything.
      const all = [...open.values()];
      if (all.some(({ socket }) => socket.destroyed)) return;
      const slow = all.filter(({ answering }) => [...answering].every(isWaitedFor));
      for (const { socket } of slow.slice(0, ROOM)) socket.destroy();
    },
  };
}

function endBehindAnswers(entry: OpenConnection | undefined): boolean {
  if (entry === undefined || entry.answering.size === 0) return false;
  if ([...entry.answering].some(({ req }) => !req.complete)) return false;
  entry.isEnding = true;
  // Nobody wants the rest, and a flood of it would keep the gate busy for as long as the answer takes.
  entry.socket.pause();
  return true;
}

/** For the rest of its request, or to read its answer. */
const isWaitedFor = (res: ServerResponse): boolean =>
  !res.req.complete || res.writableEnded || res.writableNeedDrain;

/** A connection that was reset before it was looked at has none, and all of those would be one: what one of them does would end the others. */
function peerOf(socket: Duplex): string | undefined {
  const { remoteAddress, remotePort = 0 } = socket instanceof Socket ? socket : {};
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
