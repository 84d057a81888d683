import { randomUUID } from 'node:crypto';

import type { Answer, Body } from '../support/api.ts';
import type { AskedPoint, CrashingGate, Death, Executors } from './crashing-gate.ts';

const CLIENTS = 6;

/** One gate's death at one point, under load on an action of its own. */
export interface Scenario {
  readonly point: AskedPoint;
  readonly nth: number;
  readonly executors: Executors;
  readonly action: string;
  /** One for each request. */
  readonly targets: readonly string[];
}

/** What a client asked, and what it heard; nothing if the gate died first. */
export interface Asked {
  readonly key: string;
  readonly target: string;
  readonly heard?: Answer;
}

/** What stood right after the gate was started again. */
export interface Aftermath {
  readonly death: Death;
  readonly asked: readonly Asked[];
  /** What the executor had received when the gate had died: request ids. */
  readonly received: readonly string[];
  /** Ids of requests that were listed as pending or unknown before it was looked which targets are held. */
  readonly listed: readonly string[];
  /** Targets in operation, with the request that holds each. */
  readonly held: ReadonlyMap<string, string>;
}

/** Clients ask without a pause until the gate dies; then it is started again, not armed. */
export async function askUntilDeath(one: CrashingGate, scenario: Scenario): Promise<Aftermath> {
  const { action, point, nth } = scenario;
  const asked: Asked[] = [];
  const targets = scenario.targets.values();
  let dead = false;
  const ask = async (): Promise<void> => {
    for (const target of targets) {
      const key = randomUUID();
      const heard = await one.api.submit(action, [target], { key }).catch(() => undefined);
      asked.push({ key, target, ...(heard !== undefined && { heard }) });
      dead ||= heard === undefined;
      if (dead) return;
    }
  };
  one.arm(point, nth);
  await Promise.all(Array.from({ length: CLIENTS }, ask));
  // Every target was asked for, and it lives: it never came to the point.
  if (!dead) await one.gate.kill9();
  const death = await one.died();
  const received = one.received(action);
  await one.startAgain();
  const listed = [...(await one.listed(action, 'pending')), ...(await one.listed(action, 'unknown'))];
  const held = await one.held(
    action,
    asked.map(({ target }) => target),
  );
  return { death, asked, received, listed, held };
}

/** What one request came to, once nothing of it is under way any more. */
export interface Fate extends Asked {
  /** Under its key. */
  readonly records: readonly Body[];
  /** How often the executor had received it when the gate had died, and how often since. */
  readonly sent: { readonly before: number; readonly after: number };
  /** What the same client heard when it asked the same again. */
  readonly again: Answer;
}

export interface Study extends Aftermath {
  readonly fates: readonly Fate[];
  /** Everything that the executor received before any client asked again. */
  readonly receivedInAll: readonly string[];
  /** What it received while clients asked again. */
  readonly receivedAgain: readonly string[];
  readonly unknown: readonly string[];
  readonly heldByUnknown: ReadonlyMap<string, string>;
  /** What is still held when an operator has settled all that was unknown. */
  readonly heldInTheEnd: ReadonlyMap<string, string>;
}

/** Looks at all of it, has the clients ask again, and an operator settle what is unknown. */
export async function study(one: CrashingGate, scenario: Scenario, aftermath: Aftermath): Promise<Study> {
  const { api } = one;
  const { action } = scenario;
  const targets = aftermath.asked.map(({ target }) => target);
  const receivedInAll = one.received(action);
  const unknown = await one.listed(action, 'unknown');
  const heldByUnknown = await one.held(action, targets);
  const fates: Fate[] = [];
  for (const asked of aftermath.asked) {
    const records = await api.search({ idempotency_key: asked.key });
    const times = (ids: readonly string[]): number => ids.filter(id => id === records[0]?.id).length;
    const before = times(aftermath.received);
    const sent = { before, after: times(receivedInAll) - before };
    fates.push({
      ...asked,
      records,
      sent,
      again: await api.submit(action, [asked.target], { key: asked.key }),
    });
  }
  const receivedAgain = one.received(action).slice(receivedInAll.length);
  for (const id of unknown) await api.outcome(id, { status: 'delivered', reason: 'looked at the machine' });
  const heldInTheEnd = await one.held(action, targets);
  return {
    ...aftermath,
    fates,
    receivedInAll,
    receivedAgain,
    unknown,
    heldByUnknown,
    heldInTheEnd,
  };
}
