import { setTimeout as sleep } from 'node:timers/promises';
import { until, type Answer } from './api.ts';

/** One request of a stream, and what its client heard. */
export interface Heard {
  readonly key: string;
  readonly tookMs: number;
  /** Undefined where the connection ended without one. */
  readonly answer: Answer | undefined;
}

/** Clients that ask without a pause. */
export interface Stream {
  readonly heard: readonly Heard[];
  /** What was heard with this status; 0 for no answer at all. */
  with(status: number): Heard[];
  /** Waits until so many more than now were heard with this status. */
  untilMore(status: number, more: number, withinMs?: number): Promise<void>;
  /** No client asks anew; resolves when each has its last answer. */
  stop(): Promise<void>;
}

export interface StreamOptions {
  readonly clients: number;
  /** Each client asks for its own share of them, one after the other and then anew. */
  readonly targets: readonly string[];
  /** Before what a client's keys are called. */
  readonly name: string;
  readonly ask: (target: string, key: string) => Promise<Answer>;
}

/** A client that was turned away asks again after so long. */
const PAUSE_MS = 20;

export function startStream({ clients, targets, name, ask }: StreamOptions): Stream {
  const heard: Heard[] = [];
  let isOver = false;
  const run = async (client: number): Promise<void> => {
    const own = targets.filter((_, index) => index % clients === client);
    for (let turn = 0; !isOver; turn += 1) {
      const key = `${name}-${client}-${turn}`;
      const target = own[turn % own.length] ?? '';
      const sentMs = performance.now();
      const answer = await ask(target, key).catch(() => undefined);
      heard.push({ key, tookMs: performance.now() - sentMs, answer });
      if (answer === undefined || answer.status === 503) await sleep(PAUSE_MS);
    }
  };
  const running = Promise.all(Array.from({ length: clients }, async (_, client) => await run(client)));
  const withStatus = (status: number): Heard[] =>
    heard.filter(({ answer }) => (answer?.status ?? 0) === status);
  return {
    heard,
    with: withStatus,
    untilMore: async (status, more, withinMs = 30_000) => {
      const enough = withStatus(status).length + more;
      await until(
        async () => await Promise.resolve(withStatus(status).length),
        count => count >= enough,
        withinMs,
      );
    },
    stop: async () => {
      isOver = true;
      await running;
    },
  };
}
