import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal, TlsConfig } from '../config/config.ts';
import type { Clock } from '../kit/clock.ts';
import { freshId } from '../kit/ids.ts';
import type { Logger } from '../kit/logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { boundConnections, watchConnections, type Connections } from './connections.ts';
import { createIdentity } from './identity.ts';
import { ownMessages } from './own-messages.ts';
import { PATIENCE, type Patience } from './patience.ts';
import type { Ports } from './ports.ts';
import { createProblems } from './problem.ts';
import { refused, type Refused } from './refused.ts';
import { createRoutes } from './routes.ts';

export interface HttpOptions {
  readonly ports: Ports;
  /** Looked at for each request. */
  readonly principals: () => readonly Principal[];
  /** Without it the server speaks plain HTTP. */
  readonly tls?: TlsConfig;
  /** Goes before the path in `Location` and `instance`. */
  readonly publicUrl?: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** How an answer to a wrong key is held back; tests need not wait. */
  readonly hold?: (durationMs: number) => Promise<void>;
  /** How long clients are waited for: `PATIENCE`, but in tests. */
  readonly patience?: Patience;
}

/** Longer than the minute that load balancers keep a connection: the one that closes first must not be the gate. */
const KEEP_ALIVE_MS = 65_000;
const MAX_HEAD_BYTES = 16 * 1024;

/** The gate's HTTP server, and what it is answering. */
export interface HttpServer {
  readonly server: Server;
  readonly connections: Connections;
  /** Certificates for the connections that are made from now on; where other clients are believed than before, those there are end. */
  renew(tls: TlsConfig): void;
}

/** Not listening yet. */
export function createHttpServer(options: HttpOptions): HttpServer {
  const { ports, principals, clock, metrics, logger, patience = PATIENCE } = options;
  const identity = createIdentity(principals, clock, options.hold ?? (durationMs => sleep(durationMs)));
  const app = createRoutes({
    ports,
    identity,
    patience,
    metrics,
    logger,
    monotonicMs: () => clock.monotonicMs(),
    publicUrl: options.publicUrl ?? '',
  });
  const { tls } = options;
  const http = { ...ownMessages(app), ...plainly(patience) };
  const server: Server =
    tls === undefined
      ? createServer(http)
      : createTlsServer({
          ...http,
          ...secured(tls),
          handshakeTimeout: patience.headMs,
          // Node sets it for plain connections only.
          allowHalfOpen: true,
        });
  const connections = watchConnections(server, patience.readerMs);
  boundConnections(server, connections, logger, () => clock.monotonicMs());
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    if (connections.begin(req, res)) app(req, res);
  };
  // The body is welcomed only by who wants to read it (body.ts).
  server.on('request', handle).on('checkContinue', handle).on('checkExpectation', handle);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The client has closed its half in the middle of a body, and may still hear the answer: who reads the body sees it too (body.ts).
    const isCut = error.code === 'HPE_INVALID_EOF_STATE' && connections.isWaitingForBody(socket);
    if (isCut && socket.writable) return;
    // Bytes behind a whole request, as where its length was counted in letters: what was decided is told.
    if (isOfHttp(error) && connections.endBehindAnswers(socket)) return;
    answerBrokenHead(logger, error, socket, connections.isAnswering(socket));
  });
  // The head's size is bounded; with node's own bound on their number, headers beyond it would not be seen.
  server.maxHeadersCount = 0;
  // A client that has said all it has to say may still hear the answer. Node has this setting, its types do not.
  Object.assign(server, { httpAllowHalfOpen: true });
  return { server, connections, renew: renewalOf(server, connections, tls) };
}

const plainly = (patience: Patience): ServerOptions => ({
  maxHeaderSize: MAX_HEAD_BYTES,
  headersTimeout: patience.headMs,
  // Bodies have their own times (body.ts).
  requestTimeout: 0,
  connectionsCheckingInterval: patience.headMs / 5,
  keepAliveTimeout: KEEP_ALIVE_MS,
  noDelay: true,
  // It would answer before anybody asked for a key, and without a body.
  requireHostHeader: false,
});

/** A certificate of a client says that it may connect, and nothing of who it is: that is what keys are for. */
const secured = ({ pem }: TlsConfig) => ({
  ...pem,
  minVersion: 'TLSv1.2' as const,
  requestCert: pem.ca !== undefined,
  rejectUnauthorized: true,
});

function renewalOf(
  server: Server,
  connections: Connections,
  tls: TlsConfig | undefined,
): HttpServer['renew'] {
  let ca = tls?.pem.ca;
  return renewed => {
    if (!(server instanceof TlsServer)) return;
    server.setSecureContext(secured(renewed));
    const isSame = renewed.pem.ca === ca;
    ca = renewed.pem.ca;
    // Whoever may not be believed any more must not stay.
    if (!isSame) connections.endAll();
  };
}

/** Any other error is of the connection, a handshake that failed included: there is nobody to answer. */
const isOfHttp = ({ code = '' }: NodeJS.ErrnoException): boolean => /^(HPE|ERR_HTTP)_/.test(code);

/** Bytes that are not HTTP. While another request of the socket is being answered, this answer would be taken for its. */
function answerBrokenHead(
  logger: Logger,
  error: NodeJS.ErrnoException,
  socket: Duplex,
  isAnswering: boolean,
): void {
  if (isAnswering || !socket.writable || !isOfHttp(error)) {
    socket.destroy();
    return;
  }
  // Nothing of such a head is believed, the id that it may hold included.
  const requestId = freshId();
  const refusal = brokenHead(error.code);
  const { status, headers, body } = createProblems(() => ({})).refused(refusal, requestId);
  const remote = 'remoteAddress' in socket ? socket.remoteAddress : undefined;
  logger.info({ request_id: requestId, remote, status, rule: refusal.rule }, refusal.detail);
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    'x-request-id': requestId,
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${phrases[status] ?? 'Bad Request'}\r\n${lines.join('')}\r\n${text}`);
}

const phrases: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function brokenHead(code: string | undefined): Refused {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return refused('request.malformed', `The head is larger than ${MAX_HEAD_BYTES} bytes.`, { status: 431 });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return refused('request.too_slow', 'The head did not arrive in time.');
  }
  return refused('request.malformed', 'This is not HTTP/1.1, or could be read in two ways.');
}
