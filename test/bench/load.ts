import net from 'node:net';

/** One kind of request, sent again and again over connections that are kept. */
export interface Load {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  readonly connections: number;
  readonly durationMs: number;
  /** What the body of each answer must hold. */
  readonly holds: string;
  /** A body that was not sent before, and the idempotency key that goes with it. */
  next(): { readonly body: string; readonly idempotencyKey?: string };
}

export interface Measured {
  readonly perSecond: number;
  /** How many answers had each status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** How many answers did not hold what they must. */
  readonly wrong: number;
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

type Done = (status: number, tookMs: number, isRight: boolean) => void;

/** Sends over one connection, one request after the other, until the time is over. */
async function sendOn(load: Load, untilMs: number, done: Done): Promise<void> {
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
      const isRight = rest.subarray(0, answer.length).includes(load.holds);
      rest = rest.subarray(answer.length);
      done(answer.status, performance.now() - sentMs, isRight);
      if (performance.now() < untilMs) send();
      else socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

/** Counts what comes back. */
function tally() {
  const statuses = new Map<number, number>();
  const latenciesMs: number[] = [];
  let wrong = 0;
  const done: Done = (status, tookMs, isRight) => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    latenciesMs.push(tookMs);
    if (!isRight) wrong += 1;
  };
  return { done, measured: (perSecond: number): Measured => ({ perSecond, statuses, wrong, latenciesMs }) };
}

/** As many requests as get answered with one under way on each connection. */
export async function measure(load: Load): Promise<Measured> {
  const { done, measured } = tally();
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: load.connections }, () => sendOn(load, startedMs + load.durationMs, done)),
  );
  const tookS = (performance.now() - startedMs) / 1000;
  return measured(measured(0).latenciesMs.length / tookS);
}

/** So many requests a second, each when it is due and on a connection of its own, whatever became of those before it. */
export async function measureAtRate(load: Omit<Load, 'connections'>, perSecond: number): Promise<Measured> {
  const { done, measured } = tally();
  const all: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let sent = 0; (sent * 1000) / perSecond < load.durationMs; sent += 1) {
    const dueMs = startedMs + (sent * 1000) / perSecond;
    await new Promise(resolve => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    all.push(sendOn({ ...load, connections: 1 }, 0, done));
  }
  await Promise.all(all);
  return measured(perSecond);
}
