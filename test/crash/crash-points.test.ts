import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { hosts, names, until } from '../support/api.ts';
import { byForm } from '../support/form.ts';
import {
  askUntilDeath,
  study,
  type Aftermath,
  type Fate,
  type Scenario,
  type Study,
} from './ask-until-death.ts';
import {
  startCrashingGate,
  stores,
  type AskedPoint,
  type CrashingGate,
  type Executors,
  type StoreName,
} from './crashing-gate.ts';

/** What a crash leaves of the request that was at the point. */
type Left = 'nothing' | 'an allow that waits' | 'a claim, unsent' | 'a claim, sent' | 'an outcome';

interface Plan {
  /** The time of being there at which the gate dies; the long form takes the second one too. */
  readonly nth: readonly [number, number];
  readonly left: Left;
}

/** Every point there is, in the order of the way. The first turn of a load holds a decision; later ones may hold anything. */
const plans: Readonly<Record<AskedPoint, Plan>> = {
  'turn.decided': { nth: [1, 6], left: 'nothing' },
  'turn.committed': { nth: [1, 6], left: 'a claim, unsent' },
  'intake.read': { nth: [9, 1], left: 'nothing' },
  'validate.passed': { nth: [8, 1], left: 'nothing' },
  'targets.resolved': { nth: [7, 1], left: 'nothing' },
  'claim.begun': { nth: [3, 1], left: 'an allow that waits' },
  'claim.committed': { nth: [4, 1], left: 'a claim, unsent' },
  'forward.unsent': { nth: [4, 1], left: 'a claim, unsent' },
  'forward.sent': { nth: [4, 1], left: 'a claim, sent' },
  'forward.answered': { nth: [4, 1], left: 'a claim, sent' },
  'outcome.drafted': { nth: [3, 1], left: 'a claim, sent' },
  'outcome.committed': { nth: [3, 1], left: 'an outcome' },
};

const points = Object.keys(plans).filter((name): name is AskedPoint => Object.hasOwn(plans, name));
const TARGETS = 40;

interface Row extends Scenario {
  readonly title: string;
  /** What its targets begin with. */
  readonly host: string;
  readonly left: Left | undefined;
}

/** In the quick form the embedded store, which takes seconds to start after a crash, is crashed where the store is what matters. */
const quickOnEmbedded: readonly AskedPoint[] = ['turn.committed'];

/** In the quick form each point has one kind of executor; in the long one, on a server, both, and another time too. */
function rowsFor(store: StoreName): Row[] {
  const both: readonly Executors[] = ['not idempotent', 'idempotent'];
  const onServer = store === 'PostgreSQL';
  const all = byForm(onServer ? points : quickOnEmbedded, points).flatMap((point, index) => {
    const { nth, left } = plans[point];
    const turn = (index + (onServer ? 0 : 1)) % 2;
    const one = both.filter((_, number) => number === turn);
    return nth.slice(0, byForm(1, onServer ? 2 : 1)).flatMap((time, order) =>
      byForm(one, onServer ? both : one).map(executors => ({
        point,
        nth: time,
        executors,
        left: point.startsWith('turn.') && order > 0 ? undefined : left,
      })),
    );
  });
  return all.map((row, index) => ({
    ...row,
    title: `${row.point}, time ${row.nth}, to an executor that is ${row.executors}`,
    action: `${row.executors === 'idempotent' ? 'again' : 'once'}.number-${index}`,
    host: `h${index}`,
    targets: names(`h${index}`, TARGETS),
  }));
}

/** What the request at the point must have come to; `once` where the executor does not take the same request again. */
const footprints: Readonly<Record<Left, Readonly<Record<Executors, object>>>> = {
  nothing: { 'not idempotent': { sent: '0+0' }, idempotent: { sent: '0+0' } },
  'an allow that waits': {
    'not idempotent': { sent: '0+1', outcome: 'delivered', attempts: 1 },
    idempotent: { sent: '0+1', outcome: 'delivered', attempts: 1 },
  },
  'a claim, unsent': {
    'not idempotent': { sent: '0+0', outcome: 'unknown', attempts: 1 },
    idempotent: { sent: '0+1', outcome: 'delivered', attempts: 2 },
  },
  'a claim, sent': {
    'not idempotent': { sent: '1+0', outcome: 'unknown', attempts: 1 },
    idempotent: { sent: '1+1', outcome: 'delivered', attempts: 2 },
  },
  'an outcome': {
    'not idempotent': { sent: '1+0', outcome: 'delivered', attempts: 1 },
    idempotent: { sent: '1+0', outcome: 'delivered', attempts: 1 },
  },
};

const footprintOf = ({ sent, records: [record] }: Fate): object => ({
  sent: `${sent.before}+${sent.after}`,
  ...(record?.outcome !== undefined && {
    outcome: record.outcome.status,
    attempts: record.outcome.attempts,
  }),
});

/** Until everything has an outcome, and what will be tried again has been. */
async function nothingUnderWay({ api }: CrashingGate, rows: readonly Row[]): Promise<void> {
  const again = rows.filter(({ executors }) => executors === 'idempotent').map(({ action }) => action);
  await until(
    async () => {
      // Looked for on both sides: between two searches what is pending may become unknown, or the other way round.
      const pending = await api.search({ outcome: 'pending', limit: '1000' });
      const unknown = await api.search({ outcome: 'unknown', limit: '1000' });
      const still = await api.search({ outcome: 'pending', limit: '1000' });
      return [...pending, ...still, ...unknown.filter(({ action = '' }) => again.includes(action))];
    },
    found => found.length === 0,
    30_000,
  );
}

/** A gate's death in each row, one after the other, and what came of all of them. */
async function crashInEach(one: CrashingGate, rows: readonly Row[]): Promise<readonly [string, Study][]> {
  const aftermaths: (readonly [Row, Aftermath])[] = [];
  for (const row of rows) {
    // What an earlier crash left is recorded, claimed and sent again by the same steps, and the one that dies at this step must not be of it;
    // nor may this crash cut off what is tried again.
    await nothingUnderWay(one, rows);
    aftermaths.push([row, await askUntilDeath(one, row)]);
  }
  await nothingUnderWay(one, rows);
  const studies: [string, Study][] = [];
  for (const [row, aftermath] of aftermaths) studies.push([row.title, await study(one, row, aftermath)]);
  return studies;
}

/** Most of the time a gate waits for what the crash before left: on a server so many do that beside each other. */
const GATES = 4;

describe.each(stores)('a gate on %s, killed in the middle of its work', store => {
  const rows = rowsFor(store);
  const gates: CrashingGate[] = [];
  const studies = new Map<string, Study>();
  const verified: Awaited<ReturnType<CrashingGate['verify']>>[] = [];

  beforeAll(async () => {
    const beside = store === 'PostgreSQL' ? GATES : 1;
    const shares = Array.from({ length: beside }, (_, place) =>
      rows.filter((_row, index) => index % beside === place),
    );
    await Promise.all(
      shares.map(async share => {
        const one = await startCrashingGate({
          store,
          actions: new Map(share.map(({ action, executors }) => [action, executors])),
          inventory: share.flatMap(({ host }) => hosts(host, TARGETS)),
        });
        gates.push(one);
        for (const [title, studied] of await crashInEach(one, share)) studies.set(title, studied);
        verified.push(await one.verify());
      }),
    );
  }, 600_000);

  afterAll(async () => {
    for (const one of gates) await one.close();
  });

  const studyOf = ({ title }: Row): Study => {
    const found = studies.get(title);
    if (found === undefined) throw new Error(`nobody studied ${title}`);
    return found;
  };

  describe.each(rows)('at $title', row => {
    it('was there, and left what it must', () => {
      const { death, fates } = studyOf(row);
      expect(death.reached).toEqual([row.point]);
      expect(death.exit.signal).toBe('SIGKILL');
      const unheard = fates.filter(({ heard }) => heard === undefined).map(footprintOf);
      expect(unheard.length).toBeGreaterThan(0);
      if (row.left !== undefined) expect(unheard).toContainEqual(footprints[row.left][row.executors]);
    });

    it('forwarded nothing without a record that allows it', () => {
      const { receivedInAll, fates } = studyOf(row);
      const allowed = fates.flatMap(({ records }) =>
        records.filter(({ decision }) => decision === 'allowed').map(({ id }) => id),
      );
      expect(receivedInAll.filter(id => !allowed.includes(id))).toEqual([]);
      expect(fates.filter(({ records }) => records.length > 1)).toEqual([]);
    });

    it('forwarded nothing twice, but where the executor takes it again', () => {
      const { receivedInAll, receivedAgain } = studyOf(row);
      const all = [...receivedInAll, ...receivedAgain];
      const times = all.map(id => all.filter(other => other === id).length);
      // What an idempotent executor is asked at most: as long as it stays unknown, three times in all.
      expect(Math.max(0, ...times)).toBeLessThanOrEqual(row.executors === 'idempotent' ? 3 : 1);
    });

    it('lists as unknown what it sent, or may have sent, and was not told of', () => {
      const { fates, unknown, receivedInAll } = studyOf(row);
      const outcomes = new Map(
        fates.flatMap(({ records }) => records.map(({ id = '', outcome }) => [id, outcome?.status])),
      );
      for (const id of receivedInAll) expect(['delivered', 'unknown']).toContain(outcomes.get(id));
      const said = [...outcomes].filter(([, outcome]) => outcome === 'unknown').map(([id]) => id);
      expect(unknown.toSorted()).toEqual(said.toSorted());
      // Nothing else: no decision is lost half way, none is stopped or refused by a crash.
      const others = [...outcomes.values()].filter(each => each !== 'delivered' && each !== 'unknown');
      expect(others).toEqual([]);
      if (row.executors === 'idempotent') expect(unknown).toEqual([]);
    });

    it('holds no target but for a pending or unknown outcome that is listed, at once and later', () => {
      const { held, listed, heldByUnknown, unknown, fates, heldInTheEnd } = studyOf(row);
      expect([...held.values()].filter(id => !listed.includes(id))).toEqual([]);
      const targets = fates
        .filter(({ records }) => records.some(({ id = '' }) => unknown.includes(id)))
        .map(({ target }) => target);
      expect([...heldByUnknown.keys()].toSorted()).toEqual(targets.toSorted());
      expect([...heldByUnknown.values()].toSorted()).toEqual(unknown.toSorted());
      expect([...heldInTheEnd]).toEqual([]);
    });

    it('answers the same key with what it recorded, or decides it now', () => {
      const { fates, receivedAgain } = studyOf(row);
      const fresh: (string | undefined)[] = [];
      for (const { records, again, heard } of fates) {
        const [record] = records;
        if (record === undefined) {
          expect(heard).toBeUndefined();
          expect(again.status, again.text).toBe(200);
          fresh.push(again.body.id);
        } else {
          expect(again.headers.get('idempotency-replayed')).toBe('true');
          expect([again.body.id, again.body.outcome]).toEqual([record.id, record.outcome]);
          if (heard !== undefined)
            expect([heard.status, heard.body.id, heard.body.outcome]).toEqual([
              200,
              record.id,
              record.outcome,
            ]);
        }
      }
      expect(receivedAgain).toEqual(fresh);
    });
  });

  it('leaves a chain that is whole, and tables that agree with it', () => {
    expect(verified).toHaveLength(gates.length);
    for (const { code, stdout, stderr } of verified) expect(code, stdout + stderr).toBe(0);
  });
});
