import { measure, type Load, type Measured } from './load.ts';
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
export function refuseWrong(kind: string, status: number, { statuses, wrong: without }: Measured): void {
  const wrong = [...statuses].filter(([each]) => each !== status);
  if (statuses.size === 0 || wrong.length > 0)
    throw new Error(`${kind}: answers should be ${status}; there were ${JSON.stringify([...statuses])}`);
  if (without > 0) throw new Error(`${kind}: ${without} answers do not say what they should`);
}

/** What the gate has recorded and the executor has received, counted apart from what was answered. */
export interface Witness {
  recorded(): Promise<Readonly<Record<'refused' | 'pre-flight' | 'delivered', number>>>;
  received(): Promise<number>;
}

/** Runs a load, and finds each of its answers in the records and at the executor. */
async function measureWitnessed(kind: Kind, load: Load, witness: Witness): Promise<Measured> {
  const [recordedBefore, receivedBefore] = [await witness.recorded(), await witness.received()];
  const measured = await measure(load);
  if (kind === 'bare' || kind === 'insert' || kind === 'opa') return measured;
  const answers = measured.latenciesMs.length;
  const recorded = (await witness.recorded())[kind] - recordedBefore[kind];
  const received = (await witness.received()) - receivedBefore;
  if (recorded !== answers) throw new Error(`${kind}: ${answers} answers, ${recorded} records`);
  if (received !== (kind === 'delivered' ? answers : 0))
    throw new Error(`${kind}: ${answers} answers, the executor received ${received}`);
  return measured;
}

/**
 * Rounds of all kinds, one after the other, so that what the machine does besides falls on all of them.
 * @returns each kind's requests a second, a figure a round
 */
export async function throughput(
  each: readonly Round[],
  witness: Witness,
  { rounds, durationMs, hosts, connections = CONNECTIONS }: ThroughputOptions,
): Promise<ReadonlyMap<Kind, readonly number[]>> {
  const figures = new Map<Kind, number[]>(each.map(({ kind }) => [kind, []]));
  const sent = new Map(each.map(({ kind }) => [kind, requestsOf(kind, hosts)]));
  // The first round warms up, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const { kind, url } of each) {
      const requests = sent.get(kind) ?? requestsOf(kind, hosts);
      const measured = await measureWitnessed(kind, { ...requests, url, connections, durationMs }, witness);
      refuseWrong(kind, requests.status, measured);
      if (round > 0) figures.get(kind)?.push(measured.perSecond);
    }
  }
  return figures;
}
