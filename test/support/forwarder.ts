import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './postgres-server.ts';

/** A way to a database over TCP that a test may break. */
export interface Forwarder {
  /** The same database, by this way. */
  through(url: string): string;
  /** New connections are carried from now on. Those that were swallowed stay lost. */
  open(): Promise<void>;
  /** New connections lead to another server on the loopback address; those that are carried stay where they are. */
  leadTo(serverPort: number): void;
  /** Every connection is reset, and new ones are refused. */
  cut(): Promise<void>;
  /** No byte comes through any more, neither way, and nobody is told: new connections are taken and stay without an answer. */
  swallow(): void;
  /**
   * Once: resets the connection whose transaction has said this word at its commit, or whose statement without a transaction says
   * it, before the server hears of it, or after the server has said that it is done. Resolves when that is done.
   */
  cutCommitOf(word: string, when: 'before' | 'after'): Promise<void>;
  /** Every byte takes so long, in each direction, from now on; 0 for at once again. */
  delay(byMs: number): void;
  /** Connections that are carried now. */
  carried(): number;
  close(): Promise<void>;
}

interface Line {
  readonly client: net.Socket;
  readonly server: net.Socket;
  toClient(bytes: Buffer): void;
  toServer(bytes: Buffer): void;
  silent: boolean;
  inTransaction: boolean;
  /** Whether its transaction has said the word. */
  spoke: boolean;
  /** The server's answer to the commit is not to come through. */
  committing: boolean;
}

/** Writes to a socket in order, each piece so long after it came. */
function lateWriter(socket: net.Socket, delayMs: () => number): (bytes: Buffer) => void {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return bytes => {
    if (waiting === 0 && delayMs() === 0) {
      socket.write(bytes);
      return;
    }
    waiting += 1;
    const ready = pause(delayMs());
    last = Promise.all([last, ready]).then(() => {
      waiting -= 1;
      return socket.write(bytes);
    });
  };
}

interface Trap {
  readonly word: string;
  readonly when: 'before' | 'after';
  sprung(): void;
}

/** A simple query as it is on the wire. */
function query(text: string): Buffer {
  const bytes = Buffer.from(`Q....${text}\0`);
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
}
const BEGIN = query('begin');
const COMMIT = query('commit');
const ROLLBACK = query('rollback');

/** Carries connections to a server on the loopback address; open unless told otherwise. */
export async function startForwarder(
  serverPort: number,
  options: { readonly open?: boolean } = {},
): Promise<Forwarder> {
  const port = await freePort();
  const lines = new Set<Line>();
  let leadsTo = serverPort;
  let swallows = false;
  let delayMs = 0;
  let trap: Trap | undefined;
  let listening: net.Server | undefined;

  const reset = (line: Line): void => {
    lines.delete(line);
    line.client.resetAndDestroy();
    line.server.destroy();
  };
  const spring = (line: Line): void => {
    reset(line);
    trap?.sprung();
    trap = undefined;
  };
  const toServer = (line: Line, bytes: Buffer): void => {
    if (line.silent) return;
    if (bytes.includes(BEGIN)) line.inTransaction = true;
    if (bytes.includes(BEGIN)) line.spoke = false;
    const says = trap !== undefined && bytes.includes(trap.word);
    if (says) line.spoke = true;
    const isCommit =
      trap !== undefined && line.spoke && (bytes.includes(COMMIT) || (says && !line.inTransaction));
    if (bytes.includes(COMMIT) || bytes.includes(ROLLBACK)) line.inTransaction = false;
    if (isCommit && trap?.when === 'before') {
      spring(line);
      return;
    }
    line.committing = isCommit;
    line.toServer(bytes);
  };
  const toClient = (line: Line, bytes: Buffer): void => {
    if (line.silent) return;
    if (line.committing) spring(line);
    else line.toClient(bytes);
  };
  const carry = (client: net.Socket): void => {
    const server = net.connect(leadsTo, '127.0.0.1');
    const line: Line = {
      client,
      server,
      toClient: lateWriter(client, () => delayMs),
      toServer: lateWriter(server, () => delayMs),
      silent: swallows,
      inTransaction: false,
      spoke: false,
      committing: false,
    };
    lines.add(line);
    client.on('data', bytes => toServer(line, bytes));
    server.on('data', bytes => toClient(line, bytes));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => undefined);
      // Of a line that is silent the other end does not learn that this one is gone.
      one.on('close', () => {
        if (line.silent) return;
        lines.delete(line);
        other.destroy();
      });
    }
  };
  const cut = async (): Promise<void> => {
    const closed = new Promise<void>(resolve => {
      if (listening === undefined) resolve();
      else listening.close(() => resolve());
    });
    listening = undefined;
    for (const line of lines) reset(line);
    await closed;
  };
  const open = async (): Promise<void> => {
    swallows = false;
    if (listening !== undefined) return;
    const server = net.createServer(carry);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    listening = server;
  };
  if (options.open !== false) await open();
  return {
    through(url) {
      const by = new URL(url);
      by.port = String(port);
      return by.href;
    },
    open,
    cut,
    leadTo(other) {
      leadsTo = other;
    },
    swallow() {
      swallows = true;
      for (const line of lines) line.silent = true;
    },
    cutCommitOf: async (word, when) =>
      await new Promise<void>(resolve => {
        trap = { word, when, sprung: resolve };
      }),
    delay(byMs) {
      delayMs = byMs;
    },
    carried: () => [...lines].filter(line => !line.silent).length,
    close: cut,
  };
}
