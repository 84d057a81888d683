import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { hosts, until, type Answer, type Api, type Body } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { startFleet, type FleetGate } from '../support/fleet.ts';
import { byForm } from '../support/form.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

const GATES = 4;
const CLIENTS = byForm(32, 128);
const HOSTS = 10_000;
/** How many deliveries show that a stream flows. */
const FLOW = byForm(20, 60);
/** What is stopped is asked for again at once, and what is delivered takes its turn among that. */
const WITHIN_MS = byForm(30_000, 120_000);
const PRINCIPALS = ['bot', 'other-bot'] as const;
const ACTIONS = ['test.act', 'test.other'] as const;

/** One request of the stream, and what was answered. */
interface Sent {
  readonly action: string;
  readonly zone: string;
  readonly as: string;
  readonly sentMs: number;
  readonly answer: Answer;
}

describeWithPostgres('the kill switch, while requests stream through four gates', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let fleet: FleetGate[] = [];
  let sent: Sent[] = [];
  let streaming: Promise<unknown> = Promise.resolve();
  let isOver = false;

  beforeAll(async () => {
    database = await freshDatabase();
    executor = await startExecutor({ type: 'answer', status: 200, delayMs: 20 });
    // Narrow, so that many are allowed and wait to be sent when the switch is engaged.
    const actions = Object.fromEntries(ACTIONS.map(name => [name, { executor: { concurrency: 2 } }]));
    fleet = await startFleet(GATES, { store: database.url, executor: executor.url, config: { actions } });
    const zones = ['eu-1', 'eu-2'].flatMap(zone => hosts(zone, HOSTS / 2, { zone }));
    const loaded = await api(0).put('host', zones);
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterAll(async () => {
    await Promise.all(fleet.map(async ({ gate }) => await gate.close()));
    await executor.close();
    await database.drop();
  });

  beforeEach(async () => {
    sent = [];
    isOver = false;
    streaming = Promise.all(Array.from({ length: CLIENTS }, async (_, client) => await stream(client)));
    await executor.receivedAtLeast(executor.received().length + FLOW);
  });
  afterEach(async () => {
    isOver = true;
    await streaming;
    for (const { id } of (await api(0).get('/v1/kill-switch')).body.engaged ?? []) await api(0).release(id);
  });

  const api = (index: number): Api => {
    const one = fleet[index % GATES];
    if (one === undefined) throw new Error('no gate');
    return one.api;
  };

  /** Each client asks for targets of its own, one after the other, so that nothing but the switch stands in its way. */
  async function stream(client: number): Promise<void> {
    const action = ACTIONS[client % 2] ?? ACTIONS[0];
    const zone = client % 4 < 2 ? 'eu-1' : 'eu-2';
    const as = PRINCIPALS[client % 8 < 4 ? 0 : 1] ?? PRINCIPALS[0];
    const own = Math.floor(HOSTS / 2 / CLIENTS);
    for (let turn = 0; !isOver; turn += 1) {
      const id = `${zone}-${String(client * own + (turn % own) + 1).padStart(3, '0')}`;
      const sentMs = performance.now();
      const answer = await api(Math.floor(client / 8)).submit(action, [id], { as });
      sent.push({ action, zone, as, sentMs, answer });
    }
  }

  const idOfCall = (headers: Readonly<Record<string, unknown>>): string => String(headers['idempotency-key']);
  const receivedIds = (from = 0): string[] =>
    executor
      .received()
      .slice(from)
      .map(({ headers }) => idOfCall(headers));

  async function engage(body?: object): Promise<{ switched: Body; from: number; atMs: number }> {
    const answer = await api(1).engage(body);
    const [from, atMs] = [executor.received().length, performance.now()];
    expect(answer.status, answer.text).toBe(201);
    expect(Number.isInteger(answer.body.took_ms), answer.text).toBe(true);
    expect(answer.body.took_ms).toBeLessThan(10_000);
    const logged = fleet[1]?.gate.logs().filter(line => line['id'] === answer.body.id);
    expect(logged).toMatchObject([{ took_ms: answer.body.took_ms }]);
    return { switched: answer.body, from, atMs };
  }

  const deliveredSince = (atMs: number): Sent[] =>
    sent.filter(one => one.sentMs > atMs && one.answer.status === 200);
  const stoppedSince = (atMs: number): Sent[] =>
    sent.filter(one => one.sentMs > atMs && one.answer.status === 423);

  async function expectChain(): Promise<void> {
    const entries = await api(2).audit();
    const ordered = entries.toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    for (const [index, entry] of ordered.entries()) {
      const before = ordered[index - 1];
      if (before !== undefined) expect([entry.seq, entry.prev]).toEqual([(before.seq ?? 0) + 1, before.hash]);
    }
  }

  it('lets nothing out that it did not list, and a release brings nothing stopped back', async () => {
    const { switched, from, atMs } = await engage();
    expect(switched.stopped?.length).toBeGreaterThan(0);
    await until(
      async () => stoppedSince(atMs).length,
      count => count >= CLIENTS,
      WITHIN_MS,
    );
    expect(receivedIds(from).filter(id => switched.on_the_wire?.includes(id) !== true)).toEqual([]);
    expect(deliveredSince(atMs)).toEqual([]);
    const released = await api(3).release(switched.id);
    expect(released.status, released.text).toBe(200);
    const releasedMs = performance.now();
    await until(
      async () => deliveredSince(releasedMs).length,
      count => count >= FLOW,
      WITHIN_MS,
    );
    expect(receivedIds().filter(id => switched.stopped?.includes(id) === true)).toEqual([]);
    isOver = true;
    await streaming;
    await expectChain();
  });

  it.each<[string, object, (one: Sent) => boolean]>([
    ['an action', { scope: { action: 'test.act' } }, one => one.action === 'test.act'],
    ['a zone', { scope: { dimension: 'zone', value: 'eu-1' } }, one => one.zone === 'eu-1'],
    ['everyone but one principal', { except: ['other-bot'] }, one => one.as === 'bot'],
  ])('that names %s stops that, and nothing else', async (_title, body, isNamed) => {
    const { switched, from, atMs } = await engage(body);
    await until(
      async () => [stoppedSince(atMs).length, deliveredSince(atMs).length] as const,
      ([stopped, delivered]) => stopped >= FLOW && delivered >= FLOW,
      WITHIN_MS,
    );
    isOver = true;
    await streaming;
    expect(stoppedSince(atMs).filter(one => !isNamed(one))).toEqual([]);
    expect(deliveredSince(atMs).filter(isNamed)).toEqual([]);
    const named = new Set(sent.filter(isNamed).map(({ answer }) => answer.body.id));
    const late = receivedIds(from).filter(id => named.has(id));
    expect(late.filter(id => switched.on_the_wire?.includes(id) !== true)).toEqual([]);
    expect(receivedIds().filter(id => switched.stopped?.includes(id) === true)).toEqual([]);
    await expectChain();
  });
});
