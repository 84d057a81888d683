import { setTimeout as sleep } from 'node:timers/promises';

import { names, type Answer, type Api } from '../support/api.ts';

/** What a client was told of a request. */
export interface Heard {
  readonly id: string;
  /** Of a pre-flight: what a request would have got. */
  readonly status: number;
  readonly decision: string;
  readonly outcome: string | undefined;
}

export interface Clients {
  /** What they were told, but 503: that is no decision. */
  readonly heard: readonly Heard[];
  /** Answers that were no decision: a fault, or none at all. */
  readonly without: readonly (number | 'none')[];
  /** They may ask for so many hosts more of `test.capped`; without that they ask for none. */
  allowCapped(more: number): void;
  end(): Promise<void>;
}

export const RACKS = 8;
export const PER_RACK = 250;

/** Hosts that are asked for once only, rack by rack. */
const idsOf = (rack: number): string[] => names(`r${rack}`, PER_RACK);

type Ask = (api: Api) => Promise<Answer>;

/**
 * Clients that ask one gate after the other without a pause: for as much as a window lets through; for what an hour
 * is to be filled with, as far as they may; for what is stopped; for what nobody has; and as a pre-flight.
 */
export function startClients(apis: readonly Api[], count: number): Clients {
  const heard: Heard[] = [];
  const without: (number | 'none')[] = [];
  let over = false;
  let next = 0;
  let cappedLeft = 0;
  const asks: readonly Ask[] = [
    api => api.submit('test.act', some(next, 1 + (next % 3)), { as: next % 2 === 0 ? 'bot' : 'other-bot' }),
    api => {
      if (cappedLeft === 0) return api.preflight('test.capped', some(next, 1));
      cappedLeft -= 1;
      return api.submit('test.capped', some(next, 1));
    },
    api => api.submit('test.stopped', some(next, 1)),
    api => api.submit('test.act', ['nobody-has-it']),
    api => api.preflight('test.act', some(next, 1)),
  ];
  const client = async (index: number): Promise<void> => {
    while (!over) {
      next += 1;
      const api = apis[next % apis.length];
      const ask = asks[(index + next) % asks.length];
      if (api === undefined || ask === undefined) throw new Error('nobody to ask, or nothing to ask for');
      const answer = await ask(api).catch(() => undefined);
      const { id, decision, outcome, status } = answer?.body ?? {};
      if (answer === undefined || answer.status === 503 || id === undefined || decision === undefined) {
        without.push(answer?.status ?? 'none');
        await sleep(20);
      } else heard.push({ id, status: status ?? answer.status, decision, outcome: outcome?.status });
    }
  };
  const clients = Array.from({ length: count }, async (_, index) => await client(index));
  return {
    heard,
    without,
    allowCapped: more => {
      cappedLeft += more;
    },
    end: async () => {
      over = true;
      await Promise.all(clients);
    },
  };
}

/** Targets of one rack, another one each time. */
function some(step: number, count: number): string[] {
  const ids = idsOf(step % RACKS);
  const from = (step * 3) % (PER_RACK - count);
  return ids.slice(from, from + count);
}
