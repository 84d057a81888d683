import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What it does with what comes next. */
export type Manner = 'ok' | 'accept' | 'refuse' | 'fail' | 'drop' | 'hold';

/** What came, as it stood on the wire. */
export interface Came {
  readonly request: string;
  readonly action: string;
  readonly targets: readonly string[];
  readonly principal: string;
  readonly manner: Manner;
}

/** An executor that does as it is told, and tells at once what came. */
export class ToldExecutor {
  readonly #server = createServer();
  readonly #held = new Map<string, ServerResponse[]>();
  #answering = 0;
  manners: Manner[] = [];
  onCame: (came: Came) => void = () => undefined;

  static async start(): Promise<ToldExecutor> {
    const executor = new ToldExecutor();
    executor.#server.on('request', (request, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      executor.#answering += 1;
      response.once('close', () => (executor.#answering -= 1));
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => executor.#take(Buffer.concat(chunks).toString(), response));
    });
    executor.#server.listen(0, '127.0.0.1');
    await once(executor.#server, 'listening');
    return executor;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Requests that came and were not answered, but for those that it holds. */
  get answering(): number {
    return this.#answering - [...this.#held.values()].flat().length;
  }

  held(): ReadonlySet<string> {
    return new Set(this.#held.keys());
  }

  #take(text: string, response: ServerResponse): void {
    const came = JSON.parse(text) as Omit<Came, 'manner'>;
    const manner = this.manners.shift() ?? 'ok';
    this.onCame({ ...came, manner });
    if (manner === 'hold') this.#held.set(came.request, [...(this.#held.get(came.request) ?? []), response]);
    else if (manner === 'drop') response.socket?.destroy();
    else this.#answer(response, manner);
  }

  #answer(response: ServerResponse, manner: Manner): void {
    const status = { ok: 200, accept: 202, refuse: 409, fail: 500, drop: 500, hold: 500 }[manner];
    response.writeHead(status, { connection: 'close' }).end();
  }

  /** Answers all that it holds of one request. */
  release(request: string, manner: 'ok' | 'accept' | 'refuse' | 'fail'): void {
    const responses = this.#held.get(request) ?? [];
    this.#held.delete(request);
    for (const response of responses) this.#answer(response, manner);
  }

  releaseAll(): void {
    for (const request of [...this.#held.keys()]) this.release(request, 'ok');
  }

  close(): void {
    this.releaseAll();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
