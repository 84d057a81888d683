import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { until, type Api, type Body } from './api.ts';
import type { FakeExecutor } from './executor.ts';
import type { Gate } from './gate.ts';
import type { Heard } from './stream.ts';

const QUIET_MS = 150;

export interface Reckoning {
  readonly gate: Gate;
  readonly api: Api;
  readonly executors: readonly FakeExecutor[];
  readonly heard: readonly Heard[];
}

/** Every decision that is recorded, but pre-flights. */
export async function recordedDecisions(api: Api): Promise<readonly Body[]> {
  const answer = await api.get('/v1/requests', { headers: { accept: 'application/x-ndjson' } });
  expect(answer.status, answer.text.slice(0, 500)).toBe(200);
  return answer.text
    .split('\n')
    .filter(line => line !== '')
    .map((line): Body => JSON.parse(line));
}

/**
 * What must hold when a fault is over: what a client heard is recorded, and what was said not to be decided is not; nothing was
 * sent without a record or twice; everything allowed has an outcome that agrees with what executors received; the chain is whole.
 */
export async function expectReckoning({ gate, api, executors, heard }: Reckoning): Promise<void> {
  await until(
    async () => await api.search({ outcome: 'pending' }),
    pending => pending.length === 0,
    30_000,
  );
  const recorded = await recordedDecisions(api);
  const byId = new Map(recorded.map(body => [body.id, body]));
  expectHeardIsRecorded(heard, byId);
  const sent = executors.flatMap(executor =>
    executor.received().map(({ headers }) => String(headers['idempotency-key'])),
  );
  expect(new Set(sent).size, 'nothing is sent twice').toBe(sent.length);
  expect(
    sent.filter(id => byId.get(id)?.decision !== 'allowed'),
    'nothing is sent without a record',
  ).toEqual([]);
  const wasSent = new Set<string | undefined>(sent);
  const wrong = recorded.filter(({ id, outcome }) =>
    outcome?.status === 'delivered' ? !wasSent.has(id) : outcome?.status === 'stopped' && wasSent.has(id),
  );
  expect(wrong, 'outcomes agree with what was received').toEqual([]);
  const verified = await gate.verify();
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
}

function expectHeardIsRecorded(heard: readonly Heard[], recorded: ReadonlyMap<unknown, Body>): void {
  const answered = heard.flatMap(({ answer }) => (answer?.body.decision === undefined ? [] : [answer.body]));
  const decided = answered.filter(({ decision }) => decision !== 'fault');
  const lost = decided.filter(({ id, decision }) => recorded.get(id)?.decision !== decision);
  expect(lost, 'every decision that was answered is recorded').toEqual([]);
  const forgotten = decided.filter(
    ({ id, outcome }) => outcome?.status === 'delivered' && recorded.get(id)?.outcome?.status !== 'delivered',
  );
  expect(forgotten, 'every delivery that was answered is recorded').toEqual([]);
}

/** Waits until the executor has received nothing for a while: what was claimed before is sent. */
export async function untilQuiet(executor: FakeExecutor): Promise<void> {
  let before = -1;
  while (executor.received().length !== before) {
    before = executor.received().length;
    await sleep(QUIET_MS);
  }
}

/** Nothing is recorded under the keys of what was answered with a fault that says that nothing was decided. */
export async function expectUndecided(
  api: Api,
  heard: readonly Pick<Heard, 'key' | 'answer'>[],
  most: number,
): Promise<void> {
  const undecided = heard.filter(({ answer }) => answer?.body.type?.startsWith('/problems/store.') === true);
  for (const { key } of undecided.slice(0, most))
    expect(await api.search({ idempotency_key: key }), key).toEqual([]);
}
