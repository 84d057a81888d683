import { measure, type Measured } from './load.ts';
import { requestsOf, type Kind } from './requests.ts';

export interface Round {
  readonly kind: Kind;
  readonly url: string;
}

export interface ThroughputOptions {
  readonly rounds: number;
  readonly durationMs: number;
  readonly hosts: number;
  readonly connections?: number;
}

export const CONNECTIONS = 32;

/** Every answer must be what it should be: a figure of wrong answers is none. */
export function refuseWrong(kind: string, status: number, { statuses }: Measured): void {
  const wrong = [...statuses].filter(([each]) => each !== status);
  if (statuses.size === 0 || wrong.length > 0)
    throw new Error(`${kind}: answers should be ${status}; there were ${JSON.stringify([...statuses])}`);
}

/**
 * Rounds of all kinds, one after the other, so that what the machine does besides falls on all of them.
 * @returns each kind's requests a second, a figure a round
 */
export async function throughput(
  each: readonly Round[],
  { rounds, durationMs, hosts, connections = CONNECTIONS }: ThroughputOptions,
): Promise<ReadonlyMap<Kind, readonly number[]>> {
  const figures = new Map<Kind, number[]>(each.map(({ kind }) => [kind, []]));
  const sent = new Map(each.map(({ kind }) => [kind, requestsOf(kind, hosts)]));
  // The first round warms up, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { kind, url } of each) {
      const requests = sent.get(kind) ?? requestsOf(kind, hosts);
      const measured = await measure({ ...requests, url, connections, durationMs });
      refuseWrong(kind, requests.status, measured);
      if (round > 0) figures.get(kind)?.push(measured.perSecond);
    }
  }
  return figures;
}

export const median = (figures: readonly number[]): number => {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};
