import { beforeAll, describe, expect, it } from 'vitest';
import { expectDelivered, expectRefusal, withNothingForwarded, type Answer } from '../support/api.ts';
import { principal, wideLimits, type Doc } from '../support/gate.ts';
import { postgresAbsent } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// The limits, "Shown", on kinds with several sources: who says nothing of how a target stands shows nothing of what was done to it.

/** The state is `cmdb`'s, or `telemetry`'s; what both kinds bring is the same. */
const kindOf = (stateOf: 'cmdb' | 'telemetry', more: Declared = {}): Doc => {
  const { optional = [], tiered = false, modelled = true } = more;
  const models = modelled ? ['model'] : [];
  const tier = tiered ? ['tier'] : [];
  const measuredLabels = [...models, ...tier, ...(stateOf === 'telemetry' ? ['state'] : [])];
  return {
    dimensions: ['rack'],
    state: { label: 'state', in_service: ['serving'] },
    labels: tier,
    optional: [...models, ...optional],
    weights: ['traffic'],
    max_shrink: '20%',
    max_change: '20%',
    sources: {
      cmdb: {
        principal: 'cmdb-sync',
        owns: 'existence',
        labels: ['rack', ...(stateOf === 'cmdb' ? ['state'] : []), ...optional],
        max_age: '24h',
      },
      telemetry: {
        principal: 'metrics-sync',
        ...(measuredLabels.length > 0 && { labels: measuredLabels }),
        weights: ['traffic'],
        max_age: '5m',
      },
    },
  };
};
interface Declared {
  readonly optional?: readonly string[];
  readonly tiered?: boolean;
  readonly modelled?: boolean;
}

const actions = ['drain.host', 'drain.metered', 'erase.host', 'erase.metered', 'erase.anew', 'erase.stated'];
const configOf = (anew: Declared): Doc => ({
  kinds: {
    host: kindOf('cmdb'),
    metered: kindOf('telemetry'),
    anew: kindOf('cmdb', anew),
    stated: kindOf('telemetry', anew),
  },
  actions: Object.fromEntries(
    actions.map(name => [
      name,
      { kind: name.split('.')[1], ...(name.startsWith('erase') && { irreversible: true }) },
    ]),
  ),
  principals: [
    principal('bot', ['requester'], actions),
    principal('auditor', ['auditor']),
    principal('operator', ['operator']),
    principal('cmdb-sync', ['inventory']),
    principal('metrics-sync', ['inventory']),
  ],
});
const limits: Doc = {
  actions: Object.fromEntries(
    actions.map(name => [
      name,
      { ...wideLimits, ...(name.startsWith('drain') && { min_remaining: { rack: 9 } }) },
    ]),
  ),
};
const on = standing({ config: configOf({}), limits });

const ids = Array.from({ length: 10 }, (_, index) => `h${index}`);
type Lines = readonly object[];
type Labels = Readonly<Record<string, string>>;
/** What `cmdb` says of all ten, and of one something else. */
const placed = (state: Labels, other: Readonly<Record<string, Labels>> = {}): Lines =>
  ids.map(id => ({ id, labels: { rack: 'r1', ...state, ...other[id] } }));
const measured = (labels: Labels, other: Readonly<Record<string, Labels>> = {}): Lines =>
  ids.map(id => ({ id, labels: { model: 'm1', ...labels, ...other[id] }, weights: { traffic: 10 } }));
const serving = { state: 'serving' };
const byCmdb = async (kind: string, lines: Lines): Promise<Answer> =>
  await on.api.put(kind, lines, '', { as: 'cmdb-sync' });
const byTelemetry = async (kind: string, lines: Lines): Promise<Answer> =>
  await on.api.put(kind, lines, '', { as: 'metrics-sync' });
const patched = async (kind: string, line: object, as: string): Promise<Answer> =>
  await on.api.patch(kind, [line], '', { as });
const expectTaken = async (answer: Promise<Answer>, body: object = {}): Promise<void> => {
  const { status, text, body: said } = await answer;
  expect(status, text).toBe(200);
  expect(said).toMatchObject(body);
};
const expectDone = async (action: string, id: string): Promise<void> => {
  await expectDelivered(on.api, await on.api.submit(action, [id]));
};
const expectNo = async (action: string, id: string, status: number, rule: string) =>
  await expectRefusal(
    on.api,
    await withNothingForwarded(on.executor, () => on.api.submit(action, [id])),
    status,
    [rule],
  );
const expectDoneAlready = async (action: string, id: string) =>
  await expectNo(action, id, 409, 'targets.already_done');

beforeAll(async () => {
  for (const kind of ['host', 'anew']) {
    await expectTaken(byCmdb(kind, placed(serving)));
    await expectTaken(byTelemetry(kind, measured({})));
  }
  for (const kind of ['metered', 'stated']) {
    await expectTaken(byCmdb(kind, placed({})));
    await expectTaken(byTelemetry(kind, measured(serving)));
  }
});

describe('a line of a source that does not say how a target stands', () => {
  it('shows nothing of what can be undone: it stays taken out of what must remain', async () => {
    await expectDone('drain.host', 'h1');
    await expectNo('drain.host', 'h2', 403, 'blast_radius.min_remaining');
    await expectTaken(byTelemetry('host', measured({})), { changed: 0 });
    await expectNo('drain.host', 'h2', 403, 'blast_radius.min_remaining');
    const [line] = measured({}).slice(1);
    await expectTaken(patched('host', line ?? {}, 'metrics-sync'));
    await expectNo('drain.host', 'h2', 403, 'blast_radius.min_remaining');
    await expectTaken(byCmdb('host', placed(serving)));
    await expectDone('drain.host', 'h2');
  });

  it('shows only that it is gone where it owns existence, and the state is of another', async () => {
    await expectDone('drain.metered', 'h0');
    await expectTaken(byCmdb('metered', placed({})), { changed: 0 });
    await expectNo('drain.metered', 'h5', 403, 'blast_radius.min_remaining');
    await expectTaken(byTelemetry('metered', measured(serving)));
    await expectDone('drain.metered', 'h5');
    await expectTaken(byTelemetry('metered', measured(serving)));
  });

  it('shows nothing of what cannot, whatever it relabels, and nor does the next line of one that does', async () => {
    await expectDone('erase.host', 'h8');
    await expectTaken(byTelemetry('host', measured({}, { h8: { model: 'm9' } })), { changed: 1 });
    await expectDoneAlready('erase.host', 'h8');
    await expectTaken(byCmdb('host', placed(serving)), { changed: 0 });
    await expectDoneAlready('erase.host', 'h8');
    await expectTaken(byCmdb('host', placed(serving, { h8: { rack: 'r2' } })), { changed: 1 });
    await expectDone('erase.host', 'h8');
  });
});

describe('a source that owns the state', () => {
  it('shows by what it says of it, and nothing by what it has forgotten and says again', async () => {
    await expectDone('erase.metered', 'h3');
    await expectTaken(
      byTelemetry(
        'metered',
        measured(serving).filter((_, index) => index !== 3),
      ),
      { changed: 1 },
    );
    await expectDoneAlready('erase.metered', 'h3');
    await expectTaken(byCmdb('metered', placed({})), { changed: 0 });
    await expectDoneAlready('erase.metered', 'h3');
    await expectTaken(byTelemetry('metered', measured(serving)), { changed: 1 });
    await expectDoneAlready('erase.metered', 'h3');
    await expectTaken(byTelemetry('metered', measured(serving, { h3: { state: 'off' } })));
    await expectDone('erase.metered', 'h3');
    // What it said when that was decided is known, so its very next word shows it.
    await expectTaken(byTelemetry('metered', measured(serving)));
    await expectDone('erase.metered', 'h3');
  });

  it('shows nothing when it names for the first time what was done', async () => {
    const line = { id: 'new', labels: { rack: 'r1' } };
    await expectTaken(patched('metered', line, 'cmdb-sync'), { added: 1 });
    await expectDone('erase.metered', 'new');
    const named = { id: 'new', labels: { state: 'serving' }, weights: { traffic: 1 } };
    await expectTaken(patched('metered', named, 'metrics-sync'), { changed: 1 });
    await expectDoneAlready('erase.metered', 'new');
    await expectTaken(patched('metered', { ...named, labels: { state: 'off' } }, 'metrics-sync'));
    await expectDone('erase.metered', 'new');
  });
});

describe('a kind that is declared anew', () => {
  const more = { optional: ['note'], tiered: true };
  const tier = { tier: 'gold' };
  const declare = async (anew: Declared, args: readonly string[] = []): Promise<void> => {
    on.gate.rewrite({ config: configOf(anew), limits });
    await on.gate.restart(args);
  };
  const expectAllDoneAlready = async (): Promise<void> => {
    for (const action of ['erase.anew', 'erase.stated']) await expectDoneAlready(action, 'h5');
  };
  const expectStale = async (): Promise<void> => {
    for (const action of ['erase.anew', 'erase.stated']) await expectNo(action, 'h5', 503, 'inventory.stale');
  };

  it('shows nothing by the first load of any source, and none of the same lines need be forced', async () => {
    for (const action of ['erase.anew', 'erase.stated']) await expectDone(action, 'h5');
    await declare(more);
    await expectStale();
    await expectTaken(byCmdb('anew', placed(serving)));
    await expectTaken(byCmdb('stated', placed({})));
    expect(await on.api.kind('anew')).toMatchObject({ count: 10, weights: { traffic: { total: 100 } } });
    await expectStale();
    await on.gate.kill9();
    await on.gate.restart();
    await expectTaken(byTelemetry('anew', measured(tier)));
    await expectTaken(byTelemetry('stated', measured({ ...serving, ...tier })));
    await expectAllDoneAlready();
    await expectTaken(byCmdb('anew', placed(serving)), { changed: 0 });
    await expectTaken(byCmdb('stated', placed({})), { changed: 0 });
    await expectTaken(byTelemetry('stated', measured({ ...serving, ...tier })), { changed: 0 });
    await expectAllDoneAlready();
  }, 60_000);

  it('and back again, with loads of one source only between, shows nothing either', async () => {
    await declare({ modelled: false });
    await expectTaken(byCmdb('anew', placed(serving)));
    await expectTaken(byCmdb('stated', placed({})));
    await declare(more, ['--activate']);
    await expectTaken(byCmdb('anew', placed(serving)));
    await expectTaken(byCmdb('stated', placed({})));
    // Loaded under this very declaration once, and under another since.
    await expectStale();
    await expectTaken(byTelemetry('anew', measured(tier)));
    await expectTaken(byTelemetry('stated', measured({ ...serving, ...tier })));
    await expectAllDoneAlready();
  }, 60_000);

  it('shows what is another one after that', async () => {
    await expectTaken(byCmdb('anew', placed(serving, { h5: { rack: 'r9' } })));
    await expectDone('erase.anew', 'h5');
    await expectTaken(byTelemetry('stated', measured({ ...serving, ...tier }, { h5: { state: 'off' } })));
    await expectDone('erase.stated', 'h5');
  });
});

it.skipIf(postgresAbsent() !== undefined)('audit verify finds all of it as it should be', async () => {
  const { code, stdout, stderr } = await on.gate.verify();
  expect(code, stdout + stderr).toBe(0);
});
