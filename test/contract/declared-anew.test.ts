import { beforeAll, describe, expect, it } from 'vitest';
import { expectDelivered, expectRefusal, withNothingForwarded, type Answer } from '../support/api.ts';
import { principal, wideLimits, type Doc } from '../support/gate.ts';
import { postgresAbsent } from '../support/postgres.ts';
import { standing } from '../support/standing.ts';

// The contract, "The inventory": what is in force, and what PATCHes set since, stands over a snapshot that was read before, also where
// the kind was declared anew in between.

const open: Doc = {
  dimensions: ['rack'],
  state: { label: 'state', in_service: ['serving'] },
  max_shrink: '100%',
  max_change: '100%',
};
const one: Doc = { ...open, max_age: '24h' };
const source = (by: string, labels: readonly string[], more: Doc = {}): Doc => ({
  principal: by,
  labels,
  max_age: '24h',
  ...more,
});
const existence: Doc = { owns: 'existence' };
const cmdb = source('cmdb', ['rack'], existence);
const tele = source('tele', ['state']);
const two: Doc = { ...open, sources: { cmdb, tele } };
const holding: Doc = { optional: ['hold'] };

/** Each kind, as it is declared at first and later. */
const kinds: Readonly<Record<string, readonly [Doc, Doc]>> = {
  split: [one, two],
  joined: [two, one],
  renamed: [two, { ...open, sources: { cmdb2: cmdb, tele2: tele } }],
  moved: [
    two,
    { ...open, sources: { cmdb: source('cmdb', ['rack']), tele: source('tele', ['state'], existence) } },
  ],
  joining: [
    two,
    { ...open, optional: ['pinned'], sources: { cmdb, tele, pins: source('pins', ['pinned']) } },
  ],
  more: [one, { ...one, ...holding }],
  same: [one, one],
  undone: [one, { ...one, labels: ['row'] }],
  unfed: [
    two,
    { ...open, labels: ['row'], sources: { cmdb: source('cmdb', ['rack', 'row'], existence), tele } },
  ],
  told: [two, { ...two, ...holding, sources: { cmdb, tele: source('tele', ['state', 'hold']) } }],
};
const actions = Object.keys(kinds).map(kind => `act.${kind}`);
const stateOf = (at: 0 | 1): { config: Doc; limits: Doc } => ({
  config: {
    kinds: Object.fromEntries(Object.entries(kinds).map(([name, declared]) => [name, declared[at]])),
    actions: Object.fromEntries(
      actions.map(name => [name, { kind: name.split('.')[1], irreversible: name.startsWith('act.un') }]),
    ),
    principals: [
      principal('bot', ['requester'], actions),
      principal('auditor', ['auditor']),
      principal('operator', ['operator']),
      principal('worker', ['executor'], actions),
      ...['cmdb', 'tele', 'pins'].map(name => principal(name, ['inventory'])),
    ],
  },
  limits: {
    actions: Object.fromEntries(actions.map(name => [name, { ...wideLimits, require: { state: ['out'] } }])),
    ...(at === 1 && {
      protected: ['more', 'told'].map(kind => ({ kind, selector: { hold: ['yes'] } })),
    }),
  },
});
const on = standing({
  ...stateOf(0),
  // What cannot be undone is refused there on h1, and unknown on all others.
  script: ({ body }) => ({
    type: 'answer',
    status: !body.includes('"act.un') ? 200 : body.includes('"h1"') ? 409 : 500,
  }),
});

type Labels = Readonly<Record<string, string>>;
type Lines = readonly object[];
const ids = ['h1', 'h2', 'h3'];
const lines = (labels: Labels, other: Readonly<Record<string, Labels>> = {}): Lines =>
  ids.map(id => ({ id, labels: { ...labels, ...other[id] } }));
const [rack, out, serving] = [{ rack: 'r1' }, { state: 'out' }, { state: 'serving' }];
const both = { ...rack, ...out };
const startedMs = Date.now();
const put = async (kind: string, as: string, content: Lines, minutesAgo?: number): Promise<Answer> =>
  await on.api.put(
    kind,
    content,
    minutesAgo === undefined ? '' : `?as_of=${new Date(startedMs - minutesAgo * 60_000).toISOString()}`,
    { as },
  );
const patch = async (kind: string, as: string, ...content: Lines): Promise<Answer> =>
  await on.api.patch(kind, content, '', { as });
const expectTaken = async (answer: Promise<Answer>, body: Doc = {}): Promise<void> => {
  const { status, text, body: said } = await answer;
  expect(status, text).toBe(200);
  expect(said).toMatchObject(body);
};
const expectTooOld = async (answer: Promise<Answer>): Promise<void> => {
  const { status, text, body } = await answer;
  expect(status, text).toBe(409);
  expect(body.type).toBe('/problems/inventory.out_of_order');
};
const expectDone = async (kind: string, id: string): Promise<void> => {
  await expectDelivered(on.api, await on.api.submit(`act.${kind}`, [id]));
};
const expectNo = async (kind: string, id: string, status: number, rule: string): Promise<void> => {
  const answer = await withNothingForwarded(on.executor, () => on.api.submit(`act.${kind}`, [id]));
  await expectRefusal(on.api, answer, status, [rule]);
};

/** Of the requests for what cannot be undone, by kind and target. */
const asked = new Map<string, string>();
const askAll = async (kind: string): Promise<void> => {
  for (const id of ids) {
    const answer = await on.api.submit(`act.${kind}`, [id]);
    expect(answer.status, answer.text).toBe(id === 'h1' ? 502 : 504);
    asked.set(`${kind} ${id}`, answer.body.id ?? '');
  }
  await settle(kind, 'h2', 'refused', 'operator');
};
const settle = async (kind: string, id: string, status: string, as = 'worker'): Promise<void> => {
  const answer = await on.api.outcome(asked.get(`${kind} ${id}`), { status, reason: 'a test' }, as);
  expect(answer.status, answer.text).toBe(200);
};
/** Declared later: what was held before has another digest then. */
const row = { row: 'w1' };
const moved = { h3: { rack: 'r9' } };

beforeAll(async () => {
  for (const kind of ['split', 'more', 'same']) await expectTaken(put(kind, 'cmdb', lines(both), 60));
  for (const kind of ['joined', 'renamed', 'moved', 'joining', 'told']) {
    await expectTaken(put(kind, 'cmdb', lines(rack), 60));
    await expectTaken(put(kind, 'tele', lines(out), { joined: 40, moved: 80 }[kind] ?? 60));
  }
  // Since then h1 is in service again, and h2 is gone.
  await expectTaken(
    patch('split', 'cmdb', { id: 'h1', labels: { ...rack, ...serving } }, { id: 'h2', removed: true }),
  );
  for (const kind of ['joined', 'renamed', 'moved']) {
    await expectTaken(patch(kind, 'tele', { id: 'h1', labels: serving }));
    await expectTaken(patch(kind, 'cmdb', { id: 'h2', removed: true }));
  }
  await expectTaken(
    patch('more', 'cmdb', { id: 'h1', labels: { ...rack, ...out } }, { id: 'new', labels: both }),
  );
  await expectTaken(patch('told', 'tele', { id: 'h1', labels: out }));
  await expectTaken(put('undone', 'cmdb', lines({ ...both, ...row })));
  await expectTaken(put('unfed', 'cmdb', lines({ ...rack, ...row })));
  await expectTaken(put('unfed', 'tele', lines(out)));
  for (const kind of ['undone', 'unfed']) await askAll(kind);
  await expectTaken(put('undone', 'cmdb', lines({ ...both, ...row }, moved)));
  await expectTaken(put('unfed', 'cmdb', lines({ ...rack, ...row }, moved)));
  on.gate.rewrite(stateOf(1));
  await on.gate.restart();
}, 60_000);

describe('a snapshot older than what is in force', () => {
  const expectAsPatched = async (kind: string): Promise<void> => {
    await expectNo(kind, 'h1', 403, 'labels.not_allowed');
    // Only there are other kinds that have one of that name.
    await expectNo(kind, 'h2', 422, 'targets.wrong_kind');
    await expectDone(kind, 'h3');
  };

  it('is not taken where a kind goes from one source to several, and PATCHes since stand over each later one', async () => {
    await expectTooOld(put('split', 'cmdb', lines(rack), 90));
    await expectTaken(put('split', 'cmdb', lines(rack), 30), { count: 2 });
    await expectTooOld(put('split', 'tele', lines(out), 90));
    await expectTaken(put('split', 'tele', lines(out), 30));
    await expectAsPatched('split');
    // The one that says what exists is newer than the PATCH now, and the other still is not.
    await expectTaken(put('split', 'cmdb', lines(rack).slice(0, 1).concat(lines(rack).slice(2))));
    await expectTaken(put('split', 'tele', lines(out), 20));
    await expectAsPatched('split');
    await expectTaken(put('split', 'tele', lines(out)));
    await expectDone('split', 'h1');
  });

  it('is not taken where it goes from several to one', async () => {
    await expectTooOld(put('joined', 'cmdb', lines(both), 90));
    // Younger than what said what exists, and older than what said how it stands.
    await expectTooOld(put('joined', 'cmdb', lines(both), 50));
    await expectTaken(put('joined', 'cmdb', lines(both), 30));
    await expectAsPatched('joined');
  });

  it('is not taken where its source has another name', async () => {
    await expectTooOld(put('renamed', 'cmdb', lines(rack), 90));
    await expectTaken(put('renamed', 'cmdb', lines(rack), 30));
    await expectTooOld(put('renamed', 'tele', lines(out), 90));
    await expectTaken(put('renamed', 'tele', lines(out), 30));
    await expectAsPatched('renamed');
  });

  it('is not taken where another source says now what exists', async () => {
    // Younger than what it said last itself.
    await expectTooOld(put('moved', 'tele', lines(out), 70));
    await expectTaken(put('moved', 'tele', lines(out), 30));
    await expectTooOld(put('moved', 'cmdb', lines(rack), 70));
    await expectTaken(put('moved', 'cmdb', lines(rack), 30));
    await expectAsPatched('moved');
  });

  it('is taken of a source that says what nobody has said before', async () => {
    await expectTaken(put('joining', 'cmdb', lines(rack)));
    await expectTooOld(put('joining', 'tele', lines(out), 90));
    await expectTaken(put('joining', 'tele', lines(out)));
    await expectTaken(put('joining', 'pins', lines({}, { h1: { pinned: 'yes' } }), 90), { changed: 3 });
    await expectDone('joining', 'h1');
  });
});

describe('a PATCH from before a label was declared', () => {
  const held = { h1: { hold: 'yes' }, h2: { hold: 'yes' } };

  it('does not say that a target has none, and what it did say stands', async () => {
    const content = lines({ ...rack, ...serving }, held);
    // Nobody has spoken of the hold of one that a PATCH has added since.
    await expectTooOld(put('more', 'cmdb', content, 30));
    await expectNo('more', 'h1', 503, 'inventory.stale');
    const added = { id: 'new', labels: { ...rack, ...serving } };
    await expectTaken(put('more', 'cmdb', [...content, added], 30), { count: 4 });
    await expectNo('more', 'h1', 403, 'protected.target');
    await expectDone('more', 'new');
    await expectNo('more', 'h3', 403, 'labels.not_allowed');
    await expectTaken(put('more', 'cmdb', [...content, added], 20), { changed: 0 });
    await expectNo('more', 'h1', 403, 'protected.target');
  });

  it('does not say so either where its source owns it now', async () => {
    await expectTaken(put('told', 'cmdb', lines(rack)));
    await expectTooOld(put('told', 'tele', lines(serving, held).slice(1), 30));
    await expectTaken(put('told', 'tele', lines(serving, held), 30));
    await expectNo('told', 'h1', 403, 'protected.target');
    await expectNo('told', 'h3', 403, 'labels.not_allowed');
  });
});

describe('what cannot be undone, was refused or unknown before, and is delivered after all', () => {
  const expectAllDone = async (kind: string): Promise<void> => {
    for (const id of ids) await expectNo(kind, id, 409, 'targets.already_done');
  };
  const expectMayBeDone = async (kind: string, id: string): Promise<void> => {
    const answer = await on.api.submit(`act.${kind}`, [id]);
    expect(answer.status, answer.text).toBe(id === 'h1' ? 502 : 504);
  };

  it('stays done until a later load shows other labels', async () => {
    await expectTaken(put('undone', 'cmdb', lines({ ...both, ...row }, moved)));
    for (const id of ids) await settle('undone', id, 'delivered');
    await expectAllDone('undone');
    // As they were at the decision, in whichever words.
    await expectTaken(put('undone', 'cmdb', lines({ ...both, ...row })));
    await expectAllDone('undone');
    await expectTaken(put('undone', 'cmdb', lines({ ...both, ...row })));
    await expectAllDone('undone');
    await expectTaken(put('undone', 'cmdb', lines({ ...both, ...row, rack: 'r5' })));
    for (const id of ids) await expectMayBeDone('undone', id);
  });

  it('and of several sources, too', async () => {
    await expectTaken(put('unfed', 'cmdb', lines({ ...rack, ...row }, moved)));
    await expectTaken(put('unfed', 'tele', lines(out)));
    for (const id of ids) await settle('unfed', id, 'delivered');
    await expectAllDone('unfed');
    await expectTaken(put('unfed', 'cmdb', lines({ ...rack, ...row })));
    await expectTaken(put('unfed', 'tele', lines(out)));
    await expectAllDone('unfed');
    await expectTaken(put('unfed', 'cmdb', lines({ rack: 'r5', ...row })));
    for (const id of ids) await expectMayBeDone('unfed', id);
  });
});

it.skipIf(postgresAbsent() !== undefined)('audit verify finds all of it as it should be', async () => {
  const { code, stdout, stderr } = await on.gate.verify();
  expect(code, stdout + stderr).toBe(0);
});

describe('a gate whose policy is not the active one', () => {
  it('takes no load: neither of a kind that it declares as it is in force, nor of one that it does not know', async () => {
    on.gate.rewrite(stateOf(0));
    await on.gate.restart();
    const before = [await on.api.kind('more'), await on.api.kind('same')];
    for (const answer of [
      await put('more', 'cmdb', lines(both)),
      await patch('more', 'cmdb', { id: 'h1', labels: both }),
      await put('same', 'cmdb', lines(both)),
      await patch('same', 'cmdb', { id: 'h1', labels: both }),
      await on.api.put('same', lines(both), '?force=shrink&reason=now', { as: 'operator' }),
      // Another gate may let these speak for what this one does not.
      await put('told', 'pins', lines(out)),
      await put('elsewhere', 'cmdb', lines(both)),
      // Looked at before the body is.
      await put('same', 'cmdb', [{ id: '' }]),
    ]) {
      expect(answer.status, answer.text).toBe(503);
      expect(answer.body).toMatchObject({
        type: '/problems/policy.stale',
        detail: expect.stringMatching(/takes no load of \w+\. Nothing was loaded/),
      });
      expect(answer.headers.get('connection')).toBe('close');
    }
    expect([await on.api.kind('more'), await on.api.kind('same')]).toEqual([
      expect.objectContaining({ revision: before[0]?.revision }),
      expect.objectContaining({ revision: before[1]?.revision }),
    ]);
    // Nobody is called for a source that is right.
    expect((await on.api.get('/metrics', { as: null })).text).not.toMatch(/loads_total\{.*refused.*\} [1-9]/);
    await on.gate.restart(['--activate']);
    await expectTaken(put('more', 'cmdb', lines(both)));
    await expectTaken(put('same', 'cmdb', lines(both)));
    await expectDone('more', 'h1');
  });
});
