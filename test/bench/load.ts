import net from 'node:net';

/** One kind of request, sent again and again over connections that are kept. */
export interface Load {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  readonly connections: number;
  readonly durationMs: number;
  /** A body that was not sent before, and the idempotency key that goes with it. */
  next(): { readonly body: string; readonly idempotencyKey?: string };
}

export interface Measured {
  readonly perSecond: number;
  /** How many answers had each status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Of each request, in order, milliseconds. */
  readonly latenciesMs: readonly number[];
}

/** An answer's status and whole length, or undefined while it is not whole. */
function readAnswer(bytes: Buffer): { readonly status: number; readonly length: number } | undefined {
  const head = bytes.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const text = bytes.toString('latin1', 0, head).toLowerCase();
  const length = /\ncontent-length: *(\d+)/.exec(text)?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${text}`);
  const whole = head + 4 + Number(length);
  return bytes.length < whole ? undefined : { status: Number(text.slice(9, 12)), length: whole };
}

/** Sends over one connection, one request after the other, until the time is over. */
async function sendOn(
  load: Load,
  untilMs: number,
  done: (status: number, tookMs: number) => void,
): Promise<void> {
  const { hostname, port } = new URL(load.url);
  const head = `POST ${load.path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${load.key}\r\ncontent-type: application/json\r\n`;
  await new Promise<void>((resolve, reject) => {
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    let sentMs = 0;
    let rest: Buffer = Buffer.alloc(0);
    const send = (): void => {
      const { body, idempotencyKey } = load.next();
      const key = idempotencyKey === undefined ? '' : `idempotency-key: ${idempotencyKey}\r\n`;
      sentMs = performance.now();
      socket.write(`${head}${key}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    };
    socket.on('connect', send);
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const answer = readAnswer(rest);
      if (answer === undefined) return;
      rest = rest.subarray(answer.length);
      done(answer.status, performance.now() - sentMs);
      if (performance.now() < untilMs) send();
      else socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

/** As many requests as get answered with one under way on each connection. */
export async function measure(load: Load): Promise<Measured> {
  const statuses = new Map<number, number>();
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const done = (status: number, tookMs: number): void => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    latenciesMs.push(tookMs);
  };
  await Promise.all(
    Array.from({ length: load.connections }, () => sendOn(load, startedMs + load.durationMs, done)),
  );
  const tookS = (performance.now() - startedMs) / 1000;
  return { perSecond: latenciesMs.length / tookS, statuses, latenciesMs };
}
