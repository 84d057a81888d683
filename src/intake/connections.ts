import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../kit/logger.ts';

/**
 * Connections at once. Each is a file descriptor, and the database and the executors need some too: without a bound a crowd of
 * clients would take those. Far below what systems give a service (LimitNOFILE), far above what a fleet's automation opens.
 */
const MAX_CONNECTIONS = 4_000;
/** Between two lines of the log about connections that were turned away. */
const SAY_AGAIN_MS = 60_000;

/** Turns connections away beyond a number, and makes room for the next: whoever wants to stop must not wait for idle ones. */
export function boundConnections(
  server: Server,
  logger: Logger,
  monotonicMs: () => number,
  most = MAX_CONNECTIONS,
): void {
  server.maxConnections = most;
  let saidMs = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    server.closeIdleConnections();
    if (monotonicMs() - saidMs < SAY_AGAIN_MS) return;
    saidMs = monotonicMs();
    logger.warn(
      { connections: most },
      'too many connections: new ones are turned away, and idle ones closed to make room',
    );
  });
}

/** Hangs up on every connection on which no request is being answered, half a head, a handshake and silence included. */
export type HangUpOnQuiet = () => void;

/**
 * Knows on which connections a request is being answered. Node's own list of idle ones lacks those that never sent a whole head,
 * and a server that closes does not look at their time any more: one silent client would keep a gate from stopping.
 */
export function watchQuiet(server: Server): HangUpOnQuiet {
  const open = new Map<string, { readonly socket: Socket; answering: number }>();
  server.on('connection', (socket: Socket) => {
    // With TLS this is the bare socket, and a request comes with another around it: both have the peer's address.
    const key = peerOf(socket);
    const entry = { socket, answering: 0 };
    open.set(key, entry);
    socket.once('close', () => {
      if (open.get(key) === entry) open.delete(key);
    });
  });
  const count = (req: IncomingMessage, res: ServerResponse): void => {
    const entry = open.get(peerOf(req.socket));
    if (entry === undefined) return;
    entry.answering += 1;
    res.once('close', () => {
      entry.answering -= 1;
    });
  };
  server.on('request', count).on('checkContinue', count);
  return () => {
    for (const { socket, answering } of open.values()) if (answering === 0) socket.destroy();
  };
}

const peerOf = ({ remoteAddress = '', remotePort = 0 }: Socket): string => `${remoteAddress} ${remotePort}`;
