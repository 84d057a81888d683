import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { sha256 } from '../../src/kit/digest.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How one call is answered: a status with a body, or whatever is done with the response. */
export type Step =
  | {
      readonly status: number;
      readonly body?: object | string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | ((res: ServerResponse) => void);

/** A server that answers what it was told, call by call; after the last step again as the last one says. */
export async function scriptedServer() {
  const received: Received[] = [];
  let steps: Step[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8');
    req.on('data', (piece: string) => {
      body += piece;
    });
    req.on('end', () => {
      received.push({ method: req.method ?? '', path: req.url ?? '', headers: req.headers, body });
      const step = steps.length > 1 ? steps.shift() : steps[0];
      if (step === undefined) res.destroy();
      else if (typeof step === 'function') step(res);
      else answer(res, step);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    /** From now on; what was received is forgotten. */
    script: (...next: Step[]) => {
      steps = next;
      received.length = 0;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answer(
  res: ServerResponse,
  { status, body = {}, headers = {} }: Exclude<Step, (res: ServerResponse) => void>,
): void {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  res.writeHead(status, { 'content-type': type, ...headers });
  res.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A problem of this rule, with what else belongs to it. */
export const problem = (rule: string, status: number, more: object = {}): object => ({
  type: `/problems/${rule}`,
  title: rule,
  status,
  detail: `it is ${rule}`,
  instance: '/v1/requests/1',
  ...more,
});

/** What a decision says of these targets. */
export const targetsOf = (...ids: readonly string[]): object => ({
  count: ids.length,
  digest: sha256(
    ids
      .toSorted()
      .map(id => `${id}\n`)
      .join(''),
  ),
});
