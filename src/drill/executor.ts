import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export type ExecutorAnswer = 'delivered' | 'pending' | 'refused' | 'unknown';

/** Stands behind the gate for every action: answers at once, and keeps what it was asked. */
export interface Executor {
  readonly url: string;
  /** How it answers from now on. */
  answerWith(answer: ExecutorAnswer): void;
  /** The targets that it was sent for a request; undefined where it was sent nothing. */
  sent(request: string): readonly string[] | undefined;
  /** Resolves once it was sent a request; or after a while, for what never comes. */
  received(request: string): Promise<void>;
  close(): Promise<void>;
}

const PATIENCE_MS = 10_000;

const STATUS: Readonly<Record<ExecutorAnswer, number>> = {
  delivered: 200,
  pending: 202,
  refused: 409,
  unknown: 500,
};

export async function startExecutor(): Promise<Executor> {
  const sent = new Map<string, readonly string[]>();
  let status = STATUS.delivered;
  const server = createServer((asked, response) => {
    const chunks: Buffer[] = [];
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', () => {
      const { request, targets } = readOrder(Buffer.concat(chunks).toString('utf8'));
      sent.set(request, targets);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the executor of the drill has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    answerWith(answer) {
      status = STATUS[answer];
    },
    sent: request => sent.get(request),
    async received(request) {
      for (let waitedMs = 0; !sent.has(request) && waitedMs < PATIENCE_MS; waitedMs += 20) await sleep(20);
    },
    close: async () =>
      await new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What the gate sends; anything else would be a bug of the gate, and shows as a request without a name. */
function readOrder(body: string): { readonly request: string; readonly targets: readonly string[] } {
  const order: unknown = JSON.parse(body);
  const { request, targets }: { request?: unknown; targets?: unknown } = Object(order);
  return {
    request: typeof request === 'string' ? request : '',
    targets: Array.isArray(targets) ? targets.filter((one): one is string => typeof one === 'string') : [],
  };
}
