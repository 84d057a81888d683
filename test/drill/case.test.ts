import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileError } from '../../src/config/config.ts';
import { readCases, readCorpus } from '../../src/drill/read-case.ts';
import type { CaseRequest, DrillCase } from '../../src/drill/case.ts';
import { refuseUnknownRules } from '../../src/drill/known-rules.ts';
import { linesOf, targetsOf } from '../../src/drill/fleet.ts';
import { refusal, resultOf, scoreOf, unplayed, type Said, type Score } from '../../src/drill/result.ts';
import { stoppedBy, summaryOf, twinOf } from '../../src/drill/score-card.ts';
import { temporaryFolder } from '../support/store.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => await folder.remove());

const PLACE = { file: 'case.yaml', line: 1, path: 'expect.refused' };
const REQUEST = 'request: { as: bot, action: disk.wipe, targets: { ids: [a] } }';
const EXPECT = 'expect: { refused: targets.empty }';
const TWIN = 'twin: { request: { as: bot, action: disk.wipe } }';
const whole = ['name: one', 'title: One', REQUEST, EXPECT, TWIN];

function read(lines: readonly string[], needsTwin = true): ReturnType<typeof readCases> {
  const file = path.join(folder.path, 'case.yaml');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return readCases(file, needsTwin);
}

function problemsOf(lines: readonly string[], needsTwin?: boolean): string[] {
  try {
    read(lines, needsTwin);
  } catch (thrown) {
    if (thrown instanceof FileError)
      return thrown.problems.map(({ line, path: at, message }) => `${line} ${at}: ${message}`);
    throw thrown;
  }
  return [];
}

const without = (start: string): string[] => whole.filter(line => !line.startsWith(start));

describe('what the configuration does not declare', () => {
  const declared = {
    kinds: ['flag', 'host'],
    actions: ['disk.wipe', 'host.drain'],
    principals: ['bot', 'canary'],
  };
  const namesOf = (lines: readonly string[]): string => {
    const file = path.join(folder.path, 'named.yaml');
    writeFileSync(file, `${lines.join('\n')}\n`);
    try {
      readCases(file, true, declared);
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
      return thrown.problems.map(({ line, path: at, message }) => `${line} ${at}: ${message}`).join('\n');
    }
    return '';
  };
  const ask = (as: string, action: string): string => `{ as: ${as}, action: ${action} }`;

  it.each<[string, readonly string[], string]>([
    [
      'a kind of the fleet',
      [...whole, 'fleet: { flagg: [{ id: a }] }'],
      '6 fleet.flagg: "flagg" is no kind of the configuration (did you mean "flag"?)',
    ],
    [
      'a kind of a later snapshot',
      [...whole, 'history: [{ inventory: { hst: [{ id: a }] } }]'],
      '6 history[0].inventory.hst: "hst" is no kind',
    ],
    [
      'who asks',
      [...without('request'), `request: ${ask('bott', 'disk.wipe')}`],
      '5 request.as: "bott" is no principal of the configuration (did you mean "bot"?)',
    ],
    [
      'who asks for the twin',
      [...without('twin'), `twin: { request: ${ask('bott', 'disk.wipe')} }`],
      '5 twin.request.as: "bott"',
    ],
    [
      'who gives evidence',
      [...whole, 'history: [{ evidence: { as: canari, artifact: a, name: b, status: passed } }]'],
      '6 history[0].evidence.as: "canari" is no principal of the configuration (did you mean "canary"?)',
    ],
    [
      'an action',
      [...without('request'), `request: ${ask('bot', 'disk.wip')}`],
      '5 request.action: "disk.wip" is no action of the configuration (did you mean "disk.wipe"?)',
    ],
    [
      'an action of what was before the twin',
      [
        ...without('twin'),
        'twin:',
        `  request: ${ask('bot', 'disk.wipe')}`,
        `  history: [{ request: ${ask('bot', 'disk.wip')} }]`,
      ],
      '7 twin.history[0].request.action: "disk.wip"',
    ],
    [
      'an action that is stopped',
      [...whole, 'history: [{ engage: { action: disk.wip, reason: y } }]'],
      '6 history[0].engage.action: "disk.wip"',
    ],
  ])('is an error of the file with its line: %s', (_, lines, problem) => {
    expect(namesOf(lines)).toContain(problem);
  });

  it('may be named by an incident that is to be refused for it, and by nothing else of its case', () => {
    const lines = [
      'name: one',
      'title: One',
      `request: ${ask('drill-operator', 'disk.wip')}`,
      'expect: { refused: action.unknown }',
    ];
    expect(namesOf([...lines, TWIN])).toBe('');
    expect(namesOf([...lines, `twin: { request: ${ask('bot', 'disk.wip')} }`])).toContain(
      '5 twin.request.action',
    );
  });
});

describe('the file of a case', () => {
  it.each<[string, readonly string[], string]>([
    ['that is empty', [], 'is empty'],
    ['without a name', without('name'), 'name: is missing'],
    ['with a name of another form', ['name: One Two', ...without('name')], '1 name: must be a name'],
    ['without a request', without('request'), '(top): lacks `request`'],
    ['without what it expects', without('expect'), '(top): lacks `expect'],
    ['without a twin', without('twin'), '(top): lacks `twin`'],
    ['with a key that is not known', [...whole, 'requst: {}'], '6 requst: is not known here'],
    [
      'with a key of a request that is not known',
      [...without('request'), 'request: { as: bot, action: x, target: { ids: [a] } }'],
      '5 request.target: is not known here',
    ],
    ['with a fleet of nothing', [...whole, 'fleet: { host: [] }'], '6 fleet.host'],
    ['with a group of no targets', [...whole, 'fleet: { host: [{ id: a, count: 0 }] }'], 'at least 1'],
    ['with a step that says nothing', [...whole, 'history: [{}]'], '6 history[0]: must have exactly one'],
    [
      'with a step that says two things',
      [...whole, 'history: [{ engage: { action: x, reason: y }, inventory: { host: [{ id: a }] } }]'],
      'must have exactly one',
    ],
    [
      'with a step of another form',
      [...whole, 'history: [{ inventory: { host: { id: a } } }]'],
      '6 history[0].inventory.host: must be a list of groups of targets, like `[{ id: web-1 }]`',
    ],
    [
      'with a switch that is engaged for no reason',
      [...whole, 'history: [{ engage: { action: x } }]'],
      '6 history[0].engage.reason: is missing: it must be a reason',
    ],
    [
      'with an outcome that there is none of',
      [...whole, 'history: [{ request: { as: bot, action: x }, outcome: deliverd }]'],
      'must be one of delivered, pending, refused and unknown, and is "deliverd"',
    ],
    [
      'with an outcome of what is no request',
      [...whole, 'history: [{ engage: { action: x, reason: y }, outcome: pending }]'],
      '6 history[0].outcome: can only stand beside a request',
    ],
    [
      'with a step that is not known, which says those there are',
      [...whole, 'history: [{ rest: 5m }]'],
      '6 history[0].rest: is not known here (there are request, in_bites_of, outcome, inventory,',
    ],
    [
      'with a wait that is too long',
      [...whole, 'history: [{ wait: 61s }]'],
      '6 history[0].wait: must be a duration of at most 60s, like `2s`, and is "61s"',
    ],
    [
      'with a wait for nobody knows how long',
      [...whole, 'history: [{ wait: 2 }]'],
      'history[0].wait: must be a duration',
    ],
    [
      'with an idempotency key for several requests',
      [...whole, 'history: [{ request: { as: bot, action: x, idempotency_key: k }, in_bites_of: 2 }]'],
      '6 history[0].request.idempotency_key: cannot stand beside in_bites_of',
    ],
    [
      'with a twin of a field that no request has, whatever the incident had',
      [
        ...['name: one', 'title: One', 'request: { as: bot, action: x, taregts: { ids: [a] } }'],
        ...[
          'expect: { refused: request.invalid }',
          'twin: { request: { as: bot, action: x, taregts: { ids: [a] } } }',
        ],
      ],
      '5 twin.request.taregts: is not known here (did you mean "targets"?)',
    ],
    [
      'with a label that is a number',
      [...whole, 'fleet: { host: [{ id: a, labels: { port: 3 } }] }'],
      'labels.port: must be text: a number stands in quotation marks, and is 3',
    ],
    [
      'with a request that takes targets from no fleet',
      [...without('request'), 'request: { as: bot, action: x, targets: { from: { kind: host } } }'],
      "5 request.targets.from: `from` must name a kind of the case's fleet",
    ],
    [
      'with a step that takes none of the fleet, which would be another incident',
      [
        ...whole,
        'fleet: { host: [{ id: a, count: 3 }] }',
        'history: [{ request: { as: bot, action: x, targets: { from: { kind: host, where: { zone: moon } } } } }]',
      ],
      '7 history[0].request.targets.from: `from` finds no target among the 3 of host',
    ],
    ['with a list of none', ['cases: []'], '1 cases: must be a list of cases'],
    [
      'with the same name twice',
      [
        'cases:',
        '  - { name: a, title: A, not_seen: because }',
        '  - { name: a, title: A, not_seen: because }',
      ],
      '3 cases[1].name: is there twice',
    ],
    ['not seen, with a request', [...whole, 'not_seen: because'], 'cannot stand beside not_seen'],
  ])('%s is refused with its place', (_, lines, problem) => {
    expect(problemsOf(lines).join('\n')).toContain(problem);
  });

  it('may tell an incident with a field that no request has, where that is what is to be refused', () => {
    const lines = ['name: one', 'title: One', 'request: { as: bot, action: x, taregts: [a] }', TWIN];
    expect(problemsOf([...lines, 'expect: { refused: request.invalid }'])).toEqual([]);
    expect(problemsOf([...lines, EXPECT])).toEqual([
      expect.stringContaining('request.taregts: is not known here'),
    ]);
  });

  it('may let up to a minute pass', () => {
    const [read60] = read([...whole, 'history: [{ wait: 2s }, { wait: 1m }]']);
    expect(read60?.history).toEqual([{ wait: 2000 }, { wait: 60_000 }]);
  });

  it('needs no twin where it is of a user', () => {
    expect(problemsOf(without('twin'), false)).toEqual([]);
    expect(read(without('twin'), false)[0]?.trial).toMatchObject({ kind: 'trial', rule: 'targets.empty' });
  });

  it('may be of a case that nobody sees', () => {
    expect(read(['name: a', 'title: A', 'not_seen: because'])[0]?.trial).toEqual({
      kind: 'not_seen',
      why: 'because',
    });
  });

  it('is looked for in a folder that has some', () => {
    expect(() => readCorpus(path.join(folder.path, 'nothing'))).toThrow('reinstall this program');
  });
});

describe('a rule that a case expects', () => {
  const known = ['targets.empty', 'labels.not_allowed', 'own_check.refused'];
  const problemsWith = (rule: string): string[] => {
    const cases = read([...without('expect'), `expect: { refused: ${rule} }`]);
    try {
      refuseUnknownRules(cases, known);
    } catch (thrown) {
      if (!(thrown instanceof FileError)) throw thrown;
      return thrown.problems.map(({ line, path: at, message }) => `${line} ${at}: ${message}`);
    }
    return [];
  };

  it.each(known)('is one of the gate, a check of its own among them: %s', rule => {
    expect(problemsWith(rule)).toEqual([]);
  });

  it('and that no rule of the gate is, is a slip, with its line and the nearest name', () => {
    expect(problemsWith('labels.notallowed')).toEqual([
      '5 expect.refused: no rule of the gate is named "labels.notallowed" (did you mean "labels.not_allowed"?)',
    ]);
    expect(problemsWith('moon.full')).toEqual([
      '5 expect.refused: no rule of the gate is named "moon.full": a gate lists its rules at /problems',
    ]);
  });
});

describe('the fleet of a case', () => {
  const fleet = {
    host: [
      {
        id: '{zone}-{}',
        count: 2,
        each: { region: ['eu', 'us'], side: ['a', 'b'] },
        labels: { zone: '{region}-{side}', deleted_at: '8d ago' },
        weights: { traffic: 120 },
      },
    ],
  };
  const lines = linesOf(fleet, Date.UTC(2026, 10, 28));

  it('has so many targets for each combination of values', () => {
    expect(lines.get('host')?.map(({ id }) => id)).toEqual([
      'eu-a-1',
      'eu-a-2',
      'eu-b-1',
      'eu-b-2',
      'us-a-1',
      'us-a-2',
      'us-b-1',
      'us-b-2',
    ]);
    expect(lines.get('host')?.[3]?.weights).toEqual({ traffic: 120 });
    expect(lines.get('host')?.[3]?.labels).toEqual({
      region: 'eu',
      side: 'b',
      zone: 'eu-b',
      deleted_at: '2026-11-20T00:00:00.000Z',
    });
  });

  const asked = (targets: unknown): unknown => {
    const request: CaseRequest = { as: 'bot', action: 'disk.wipe', targets };
    return targetsOf(request, lines);
  };

  it('is named by `from`, and anything else is sent as it came', () => {
    expect(
      asked({ from: { kind: 'host', where: { zone: ['eu-a', 'us-b'] }, skip: 1, first: 2 }, expect: 2 }),
    ).toEqual({ ids: ['eu-a-2', 'us-b-1'], expect: 2 });
    for (const odd of [undefined, null, [], '*', { ids: [] }, { ids: null }]) expect(asked(odd)).toEqual(odd);
  });

  it.each<[unknown, string]>([
    [{ from: null }, 'must name a kind'],
    [{ from: { kind: 'hosts' } }, 'must name a kind'],
    [{ from: { kind: 'host', where: { zone: 'moon' } } }, 'finds no target'],
    [{ from: { kind: 'host', first: 0 } }, 'finds no target'],
    [{ from: { kind: 'host', frist: 1 } }, 'takes kind, where, skip and first'],
  ])('is not named by %j', (targets, message) => {
    expect(() => asked(targets)).toThrow(message);
  });
});

describe('what docs/drill.md shows', () => {
  const text = readFileSync(new URL('../../docs/drill.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gmsu)].map(([, block = '']) => block);

  it('as a whole file is one', () => {
    const files = blocks.filter(block => block.startsWith('cases:'));
    expect(files.map(block => problemsOf(block.split('\n'), false))).toEqual([[]]);
  });

  it('of what was before is a history, with each step that there is', () => {
    const [block = ''] = blocks.filter(one => one.startsWith('history:'));
    const fleet = "fleet: { host: [{ id: 'old-{}', count: 9, labels: { rack: r99 } }] }";
    const lines = [...whole, fleet, ...block.split('\n')];
    expect(problemsOf(lines)).toEqual([]);
    const steps = read(lines)[0]?.history.flatMap(step => Object.keys(step));
    expect(new Set(steps)).toEqual(
      new Set(['request', 'in_bites_of', 'outcome', 'inventory', 'evidence', 'engage', 'wait']),
    );
  });
});

describe('what the drill needs', () => {
  it('is in the package, and in the image', () => {
    const textOf = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    const manifest: unknown = JSON.parse(textOf('package.json'));
    const needed = [
      'policies/profiles',
      'test/drill/interlock.yaml',
      'test/drill/limits.yaml',
      'test/drill/cases',
    ];
    expect(manifest).toMatchObject({ files: expect.arrayContaining(needed) });
    for (const name of needed) {
      expect(textOf('.dockerignore').split('\n')).toContain(`!${name}`);
      expect(textOf('deploy/Dockerfile')).toMatch(new RegExp(`^COPY .*${name}`, 'm'));
    }
  });
});

describe('what a case comes to', () => {
  const drillCase: DrillCase = {
    ...{ name: 'one', title: 'One', fleet: {}, history: [] },
    trial: { kind: 'trial', rule: 'targets.empty', request: { as: 'bot', action: 'x' }, place: PLACE },
  };
  const refused = (rule: string): Said => ({ kind: 'refused', rule, says: 'No.' });
  const allowed: Said = { kind: 'allowed' };
  const untold: Said = { kind: 'untold', says: '503' };

  it.each<[string, Said, Said | undefined, readonly string[], number, number, number]>([
    // What is shown of it and of its twin; how many are stopped, failed and untold.
    ['stopped by its rule', refused('targets.empty'), allowed, ['targets.empty', 'allowed'], 1, 0, 0],
    ['without a twin', refused('targets.empty'), undefined, ['targets.empty', '–'], 1, 0, 0],
    [
      'stopped by another rule',
      refused('budget.window'),
      allowed,
      ['budget.window, and not targets.empty', 'allowed'],
      ...([0, 1, 0] as const),
    ],
    ['that slipped through', allowed, allowed, ['NOT STOPPED by targets.empty', 'allowed'], 0, 1, 0],
    [
      'whose twin is refused, as by a gate that refuses everything',
      refused('targets.empty'),
      refused('labels.too_old'),
      ['targets.empty', 'REFUSED by labels.too_old'],
      ...([1, 1, 0] as const),
    ],
    ['that could not be told', untold, allowed, ['could not be told', 'allowed'], 0, 0, 1],
    [
      'whose twin could not be told',
      refused('targets.empty'),
      untold,
      ['targets.empty', 'could not be told'],
      ...([1, 0, 1] as const),
    ],
  ])('one %s', (_, said, twin, shown, stopped, failed, isUntold) => {
    const result = resultOf(drillCase, 'targets.empty', said, twin);
    expect([stoppedBy(result), twinOf(result)]).toEqual(shown);
    expect(scoreOf([result])).toEqual({
      ...{ cases: 1, stopped, failed, untold: isUntold, unseen: 0 },
      ...{ twins: twin === undefined ? 0 : 1, twins_allowed: twin?.kind === 'allowed' ? 1 : 0 },
    });
  });

  it('with a twin that was refused says what was said to the twin, and what would pass', () => {
    const no = refusal({
      rule: 'blast_radius.share',
      message: 'Too many.',
      remedy: 'at most 2 of these targets now',
    });
    expect(resultOf(drillCase, 'targets.empty', refused('targets.empty'), no)).toMatchObject({
      ...{ says: 'No.', twin_rule: 'blast_radius.share' },
      twin_says: 'Too many. Would pass: at most 2 of these targets now.',
    });
  });

  it('that could not be played leaves its twin untold, where it has one', () => {
    const twin = { history: [], first: false, request: { as: 'bot', action: 'x' } };
    const trial = { kind: 'trial', rule: 'targets.empty', request: twin.request, place: PLACE } as const;
    expect(unplayed({ ...drillCase, trial: { ...trial, twin } }, 'Why.')).toMatchObject({ twin: 'untold' });
    expect(unplayed({ ...drillCase, trial }, 'Why.')).not.toHaveProperty('twin');
  });

  it.each<[Partial<Score>, string]>([
    [
      { cases: 5, stopped: 1, twins: 2, twins_allowed: 1, failed: 1, untold: 1, unseen: 2 },
      '1 of 3 stopped by the rule that is named; the same done properly is allowed: 1 of 2 twins; no twin: 1; 1 could not be told; 2 more that no gate could have stopped.',
    ],
    [
      { cases: 2, stopped: 2, twins: 2, twins_allowed: 2 },
      '2 of 2 stopped by the rule that is named; the same done properly is allowed: 2 of 2 twins.',
    ],
    [{ cases: 1, stopped: 1 }, '1 of 1 stopped by the rule that is named; no twin: 1.'],
    [{ cases: 2, unseen: 2 }, 'Nothing was asked: no gate could have stopped any of these 2 cases.'],
    [{ cases: 1, unseen: 1 }, 'Nothing was asked: no gate could have stopped this case.'],
  ])('is summed up in one sentence, of what was asked: %j', (tally, sentence) => {
    const none = { cases: 0, stopped: 0, twins: 0, twins_allowed: 0, failed: 0, untold: 0, unseen: 0 };
    expect(summaryOf({ ...none, ...tally })).toBe(sentence);
  });
});
