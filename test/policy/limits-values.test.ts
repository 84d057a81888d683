import { beforeAll, describe, expect, it } from 'vitest';
import { entry, limitsReading } from './limits-reading.ts';

let reading: Awaited<ReturnType<typeof limitsReading>>;
beforeAll(async () => {
  reading = await limitsReading();
});

const at = 'actions.disk.wipe';

/** What the value of a key may not be, and the problem that it is. */
const wrong: readonly (readonly [string, string, string])[] = [
  ['max_targets', 'null', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['max_targets', '', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['max_targets', '-1', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['max_targets', '1.5', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['max_targets', '"40"', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['max_targets', '.inf', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['max_targets', '1e99', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['max_targets', '[40]', `3 ${at}.max_targets: must be a whole number from 0 to 1000000000`],
  ['match', '[]', `7 ${at}.match: must not be empty: nothing here would be no limit`],
  ['match', 'owner', `7 ${at}.match: must be a list`],
  ['match', '[owner, owner]', `7 ${at}.match[1]: is there twice`],
  ['require_age', '{}', `7 ${at}.require_age: must not be empty: nothing here would be no limit`],
  [
    'require_age',
    '{ quarantined_at: 0d }',
    `7 ${at}.require_age.quarantined_at: must be a duration like 30s, 15m, 24h or 7d: above 0, and at most 36600d`,
  ],
  [
    'require_recent',
    '{ restored_at: 7d }',
    `7 ${at}.require_recent.restored_at: "restored_at" is no declared label of host (there are region, rack, state, owner and quarantined_at)`,
  ],
  ['effects', '{}', `7 ${at}.effects: must not be empty: nothing here would be no limit`],
  [
    'effects',
    '{ records: {} }',
    `7 ${at}.effects.records: must not be empty: nothing here would be no limit`,
  ],
  [
    'effects',
    '{ records: { rollback: required } }',
    `7 ${at}.effects.records: must have at least one of max_loss, max_growth and min_after`,
  ],
  [
    'effects',
    '{ records: { min_after: 0 } }',
    `7 ${at}.effects.records.min_after: must be a whole number from 1 to 1000000000`,
  ],
  [
    'effects',
    '{ records: { min_after: 1, rollback: true } }',
    `7 ${at}.effects.records.rollback: must be "required"`,
  ],
  [
    'effects',
    '{ "*": { min_after: 1 } }',
    `7 ${at}.effects.*: must be the name of an effect: a letter, then letters, digits and _ . - (63 at most)`,
  ],
  [
    'effects',
    '{ records: { min_after: 1, max_los: 5% } }',
    `7 ${at}.effects.records.max_los: is not a key here (did you mean "max_loss"?)`,
  ],
  ['max_share', '{}', `4 ${at}.max_share: must not be empty: nothing here would be no limit`],
  ['max_share', '5%', `4 ${at}.max_share: must be a map`],
  ['max_share', '{ rack: 5% }', `4 ${at}.max_share: lacks \`fleet\``],
  [
    'max_share',
    '{ fleet: 5 }',
    `4 ${at}.max_share.fleet: must be a share like 5% or 0.25%: at most 100%, at most four decimals`,
  ],
  [
    'max_share',
    '{ fleet: 100.0001% }',
    `4 ${at}.max_share.fleet: must be a share like 5% or 0.25%: at most 100%, at most four decimals`,
  ],
  [
    'max_share',
    '{ fleet: 0.00001% }',
    `4 ${at}.max_share.fleet: must be a share like 5% or 0.25%: at most 100%, at most four decimals`,
  ],
  [
    'max_share',
    '{ fleet: -1% }',
    `4 ${at}.max_share.fleet: must be a share like 5% or 0.25%: at most 100%, at most four decimals`,
  ],
  [
    'max_share',
    '{ fleet: 5%, cluster: 5% }',
    `4 ${at}.max_share.cluster: "cluster" is no dimension of host (there are fleet, region and rack)`,
  ],
  [
    'max_share',
    '{ fleet: 5%, rak: 5% }',
    `4 ${at}.max_share.rak: "rak" is no dimension of host (did you mean "rack"?)`,
  ],
  [
    'max_share',
    '{ fleet: 5%, state: 5% }',
    `4 ${at}.max_share.state: "state" is no dimension of host (there are fleet, region and rack)`,
  ],
  ['max_share', '{ fleet: { share: 5% } }', `4 ${at}.max_share.fleet: lacks \`at_least\``],
  ['max_share', '{ fleet: { at_least: 1 } }', `4 ${at}.max_share.fleet: lacks \`share\``],
  [
    'max_share',
    '{ fleet: { share: 5%, at_least: 0 } }',
    `4 ${at}.max_share.fleet.at_least: must be a whole number from 1 to 1000000000`,
  ],
  [
    'max_share',
    '{ fleet: { share: 5%, at_least: 1, at_leest: 1 } }',
    `4 ${at}.max_share.fleet.at_leest: is not a key here (did you mean "at_least"?)`,
  ],
  ['require', 'null', `5 ${at}.require: must be "any" or a map`],
  ['require', 'none', `5 ${at}.require: must be "any" or a map`],
  ['require', '{}', `5 ${at}.require: must not be empty: nothing here would be no limit`],
  ['require', '[any]', `5 ${at}.require: must be a map`],
  ['require', '{ state: [] }', `5 ${at}.require.state: must be a list that is not empty`],
  ['require', '{ state: broken }', `5 ${at}.require.state: must be a list that is not empty`],
  ['require', '{ state: [null] }', `5 ${at}.require.state[0]: must be text: put it in quotation marks`],
  ['require', '{ state: [true] }', `5 ${at}.require.state[0]: must be text: put it in quotation marks`],
  [
    'require',
    '{ state: ["*"] }',
    `5 ${at}.require.state[0]: "*" would be a wildcard: there is no way to say "all", so name them`,
  ],
  [
    'require',
    '{ state: [ANY] }',
    `5 ${at}.require.state[0]: "ANY" would be a wildcard: there is no way to say "all", so name them`,
  ],
  ['require', '{ state: [a, a] }', `5 ${at}.require.state[1]: "a" is there twice`],
  [
    'require',
    '{ color: [red] }',
    `5 ${at}.require.color: "color" is no declared label of host (there are region, rack, state, owner and quarantined_at)`,
  ],
  ['windows', '[]', `6 ${at}.windows: must not be empty: nothing here would be no limit`],
  ['windows', '{ per: fleet, over: 1h, max_targets: 1 }', `6 ${at}.windows: must be a list`],
  [
    'windows',
    '[{ per: rack, over: 1h, max_targets: 1 }]',
    `6 ${at}.windows: must have an item with \`per: fleet\``,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h }]',
    `6 ${at}.windows[0]: must have exactly one of max_targets, max_share and max_weight`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h, max_targets: 1, max_share: 1% }]',
    `6 ${at}.windows[0]: must have exactly one of max_targets, max_share and max_weight`,
  ],
  ['windows', '[{ per: fleet, max_targets: 1 }]', `6 ${at}.windows[0]: lacks \`over\``],
  ['windows', '[{ over: 1h, max_targets: 1 }]', `6 ${at}.windows[0]: lacks \`per\``],
  [
    'windows',
    '[{ per: fleet, over: 60, max_targets: 1 }]',
    `6 ${at}.windows[0].over: must be a duration like 30s, 15m, 24h or 7d: above 0, and at most 36600d`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 99999999d, max_targets: 1 }]',
    `6 ${at}.windows[0].over: must be a duration like 30s, 15m, 24h or 7d: above 0, and at most 36600d`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 0h, max_targets: 1 }]',
    `6 ${at}.windows[0].over: must be a duration like 30s, 15m, 24h or 7d: above 0, and at most 36600d`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h, max_targets: 1, every: day }]',
    `6 ${at}.windows[0].every: is not a key here (there are `,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h, max_targets: 1 }, { per: cell, over: 1h, max_targets: 1 }]',
    `6 ${at}.windows[1].per: "cell" is no dimension of host (there are fleet, principal, region and rack)`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h, max_targets: 1 }, { per: fleet, over: 60m, max_targets: 1 }]',
    `6 ${at}.windows[1]: is there twice`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h, max_targets: 1 }, { max_targets: 2, over: 60m, per: fleet }]',
    `6 ${at}.windows[1]: limits the same as item 0, to another number: keep one`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h, max_share: 1% }, { per: fleet, over: 1h, max_share: { share: 2%, at_least: 1 } }]',
    `6 ${at}.windows[1]: limits the same as item 0, to another number: keep one`,
  ],
  [
    'windows',
    '[{ per: fleet, over: 1h, max_weight: { traffic: 1%, users: 1% } }, { per: fleet, over: 1h, max_weight: { users: 2%, traffic: 1% } }]',
    `6 ${at}.windows[1]: limits the same as item 0, to another number: keep one`,
  ],
  ['max_values', '{}', `7 ${at}.max_values: must not be empty: nothing here would be no limit`],
  ['max_values', 'null', `7 ${at}.max_values: must be a map`],
  [
    'max_values',
    '{ fleet: 1 }',
    `7 ${at}.max_values.fleet: "fleet" is no dimension of host (there are region and rack)`,
  ],
  [
    'max_per_value',
    '{ rack: 5% }',
    `7 ${at}.max_per_value.rack: must be a whole number from 0 to 1000000000`,
  ],
  ['min_remaining', '{ rack: 0 }', `7 ${at}.min_remaining.rack: must be a whole number from 1 to 1000000000`],
  ['max_requests', '[]', `7 ${at}.max_requests: must not be empty: nothing here would be no limit`],
  [
    'max_requests',
    '[{ per: rack, over: 1m, max: 3 }]',
    `7 ${at}.max_requests[0].per: must be "fleet" or "principal"`,
  ],
  [
    'max_requests',
    '[{ per: fleet, over: 2m, max: 3 }, { per: fleet, over: 1m, max: 3 }, { per: fleet, over: 60s, max: 4 }]',
    `7 ${at}.max_requests[2]: limits the same as item 1, to another number: keep one`,
  ],
  [
    'stages',
    '[{ upto: 0%, bake: 1h }, { upto: 100% }]',
    `7 ${at}.stages[0]: must have a \`upto\` above 0: what holds nothing is never entered`,
  ],
  [
    'stages',
    '[{ upto: 10%, bake: 1h }, { upto: 5%, bake: 1h }, { upto: 100% }]',
    `7 ${at}.stages[1]: must have a larger \`upto\` than the item before it`,
  ],
  [
    'stages',
    '[{ upto: 100%, bake: 1h }, { upto: 100% }]',
    `7 ${at}.stages[1]: must have a larger \`upto\` than the item before it`,
  ],
  [
    'stages',
    '[{ upto: 1% }, { upto: 100% }]',
    `7 ${at}.stages[0]: lacks \`bake\`, which all but the last must have`,
  ],
  [
    'require_evidence',
    '[{ name: canary, max_age: 1h }, { name: canary, max_age: 2h }]',
    `7 ${at}.require_evidence[1]: limits the same as item 0, to another number: keep one`,
  ],
  [
    'require_evidence',
    '[{ name: canary, max_age: 1h, per: rack }, { name: canary, max_age: 2h }, { name: canary, max_age: 2h, per: rack }]',
    `7 ${at}.require_evidence[2]: limits the same as item 0, to another number: keep one`,
  ],
  ['max_requests', '[{ per: fleet, over: 1m }]', `7 ${at}.max_requests[0]: lacks \`max\``],
  ['max_in_flight', 'none', `7 ${at}.max_in_flight: must be a whole number from 0 to 1000000000`],
  ['max_targts', '40', `7 ${at}.max_targts: is not a limit (did you mean "max_targets"?)`],
  [
    'max_weihgt',
    '{ traffic: { fleet: 1% } }',
    `7 ${at}.max_weihgt: is not a limit (did you mean "max_weight"?)`,
  ],
  ['max_weight', '{ trafic: { fleet: 1% } }', `7 ${at}.max_weight.trafic: `],
  ['max_weight', '{ traffic: { rack: 1% } }', `7 ${at}.max_weight.traffic: lacks \`fleet\``],
  ['max_weight', '{ traffic: 1% }', `7 ${at}.max_weight.traffic: must be a map`],
  ['max_weight', '{}', `7 ${at}.max_weight: must not be empty`],
];

describe('a limit of an action', () => {
  it.each(wrong)('%s may not be %s', (key, value, problem) => {
    const [first, ...more] = reading.problemsOf(entry({ [key]: value }));
    expect(first?.slice(0, problem.length)).toBe(problem);
    expect(more).toEqual([]);
  });

  it.each(['max_targets', 'max_share', 'require', 'windows'])('%s may not be left out', key => {
    expect(reading.problemsOf(entry({ [key]: undefined }))).toEqual([
      `2 ${at}: lacks \`${key}\`, which every action must have`,
    ]);
  });

  it('may be a number and a share of one window, and the same number in different ones', () => {
    const windows =
      '[{ per: fleet, over: 1h, max_targets: 9 }, { per: fleet, over: 1h, max_share: 1% }, { per: fleet, over: 2h, max_targets: 9 }]';
    const max_requests = '[{ per: fleet, over: 1m, max: 3 }, { per: principal, over: 1m, max: 3 }]';
    expect(reading.problemsOf(entry({ windows, max_requests }))).toEqual([]);
  });

  it('may hold one target of any fleet before it holds a share', () => {
    const stages = '[{ upto: { share: 0%, at_least: 1 }, bake: 1h }, { upto: 100% }]';
    expect(reading.problemsOf(entry({ stages }))).toEqual([]);
  });

  it('may speak of what remains only where the kind has a state', () => {
    const text = entry({
      min_remaining: '{ service: 1 }',
      max_share: '{ fleet: 1% }',
      require: 'any',
    }).replace('disk.wipe', 'bare.act');
    expect(reading.problemsOf(text)).toEqual([
      '7 actions.bare.act.min_remaining: needs a kind with `state`, and bare has none',
    ]);
  });

  it('belongs to an action that is declared', () => {
    expect(reading.problemsOf(entry().replace('disk.wipe', 'disk.wype'))).toEqual([
      '2 actions.disk.wype: is not an action that the configuration declares (did you mean "disk.wipe"?)',
    ]);
    expect(reading.problemsOf('actions:\n  disk.wipe: null\n')).toEqual([
      '2 actions.disk.wipe: must be a map of limits',
    ]);
  });
});

const freeze = (fields: string): string => `freezes: [{ ${fields} }]`;
const freezeOf = (fields: string): string => freeze(`from: "2026-12-01T00:00:00Z", reason: r, ${fields}`);

const wrongAtTop: readonly (readonly [string, string])[] = [
  ['budgets: []', '7 budgets: must not be empty: nothing here would be no limit'],
  ['budgets: null', '7 budgets: must be a list'],
  [
    'budgets: [{ kind: host, per: fleet, over: 1h, max_targets: 1 }, { kind: host, per: fleet, over: 1h, max_targets: 2 }]',
    '7 budgets[1]: limits the same as item 0, to another number: keep one',
  ],
  ['budgets: [{ per: fleet, over: 1h, max_targets: 1 }]', '7 budgets[0]: lacks `kind`'],
  [
    'budgets: [{ kind: hots, per: fleet, over: 1h, max_targets: 1 }]',
    '7 budgets[0].kind: must be a kind that the configuration declares (did you mean "host"?)',
  ],
  [
    'budgets: [{ kind: config-scope, per: rack, over: 1h, max_targets: 1 }]',
    '7 budgets[0].per: "rack" is no dimension of config-scope (there are fleet, principal and service)',
  ],
  ['protected: []', '7 protected: must not be empty: nothing here would be no limit'],
  ['protected: [{ kind: host }]', '7 protected[0]: must have exactly one of ids and selector'],
  [
    'protected: [{ kind: host, ids: [a], selector: { rack: r1 } }]',
    '7 protected[0]: must have exactly one of ids and selector',
  ],
  ['protected: [{ kind: host, ids: [] }]', '7 protected[0].ids: must be a list that is not empty'],
  ['protected: [{ kind: host, ids: [""] }]', '7 protected[0].ids[0]: "" can be no id and no value'],
  ['protected: [{ kind: host, ids: [every] }]', '7 protected[0].ids[0]: "every" would be a wildcard'],
  ['protected: [{ kind: host, ids: [a, a] }]', '7 protected[0].ids[1]: "a" is there twice'],
  [
    'protected: [{ kind: host, selector: {} }]',
    '7 protected[0].selector: must be a map of labels to values that is not empty',
  ],
  [
    'protected: [{ kind: host, selector: { rack: [] } }]',
    '7 protected[0].selector.rack: must be a list that is not empty',
  ],
  [
    'protected: [{ kind: host, selector: { rack: "*" } }]',
    '7 protected[0].selector.rack: "*" would be a wildcard',
  ],
  [
    'protected: [{ kind: host, selector: { rack: [r1, All] } }]',
    '7 protected[0].selector.rack[1]: "All" would be a wildcard',
  ],
  [
    'protected: [{ kind: host, selector: { rack: "r1*" } }]',
    '7 protected[0].selector.rack: "r1*" can be no id and no value',
  ],
  [
    'protected: [{ kind: host, selector: { color: red } }]',
    '7 protected[0].selector.color: "color" is no declared label of host',
  ],
  ['freezes: []', '7 freezes: must not be empty: nothing here would be no limit'],
  ['freezes: [{}]', '7 freezes[0]: must not be empty: nothing here would be no limit'],
  [freeze('actions: [disk.wipe], reason: r'), '7 freezes[0]: lacks `from`'],
  [freeze('actions: [disk.wipe], from: "2026-12-01T00:00:00Z"'), '7 freezes[0]: lacks `reason`'],
  [freeze('from: "2026-12-01T00:00:00Z", reason: r'), '7 freezes[0]: lacks `actions`'],
  [freezeOf('actions: []'), '7 freezes[0].actions: must not be empty: nothing here would be no limit'],
  [
    freezeOf('actions: [disk.wpie]'),
    '7 freezes[0].actions[0]: must be an action that the configuration declares (did you mean "disk.wipe"?)',
  ],
  [freezeOf('actions: [disk.wipe, disk.wipe]'), '7 freezes[0].actions[1]: is there twice'],
  [freezeOf('actions: "*"'), '7 freezes[0].actions: must be a list'],
  [freezeOf('actions: [disk.wipe], except: []'), '7 freezes[0].except: must not be empty'],
  [
    freezeOf('actions: [disk.wipe], except: [oncal-bot]'),
    '7 freezes[0].except[0]: must be a principal of the configuration with the role requester (did you mean "oncall-bot"?)',
  ],
  // An operator asks for nothing, so that to except one excepts nobody.
  [freezeOf('actions: [disk.wipe], except: [oncall]'), '7 freezes[0].except[0]: must be a principal'],
  [
    freezeOf('actions: [config.push, bare.act], except: [oncall-bot]'),
    '7 freezes[0].except[0]: lets nobody through: "oncall-bot" may ask for disk.wipe only',
  ],
  [
    freezeOf('actions: [disk.wipe], until: "2026-12-01T00:00:00Z"'),
    '7 freezes[0].until: must be later than `from`',
  ],
  [
    freezeOf('actions: [disk.wipe], until: "2026-11-30T23:59:59.999Z"'),
    '7 freezes[0].until: must be later than `from`',
  ],
  [freezeOf('actions: [disk.wipe], until: never'), '7 freezes[0].until: must be a time like'],
  [freezeOf('actions: [disk.wipe], until: null'), '7 freezes[0].until: must be a time like'],
  [freezeOf('actions: [disk.wipe], until: 1790000000'), '7 freezes[0].until: must be a time like'],
  [freezeOf('actions: [disk.wipe], until: 2026-12-24'), '7 freezes[0].until: must be a time like'],
  [freezeOf('actions: [disk.wipe], unitl: 2027-01-01T00:00:00Z'), '7 freezes[0].unitl: is not a key here'],
  [
    freeze('actions: [disk.wipe], from: "1970-01-01T00:00:00Z", reason: r'),
    '7 freezes[0].from: must be a time like',
  ],
  [
    freeze('actions: [disk.wipe], from: "2026-12-01T00:00:00Z", reason: " "'),
    '7 freezes[0].reason: must not be blank',
  ],
  [
    freeze('actions: [disk.wipe], from: "2026-12-01T00:00:00Z", reason: 4711'),
    '7 freezes[0].reason: must be text: put it in quotation marks',
  ],
  [
    freeze('actions: [disk.wipe], from: "2026-12-01T00:00:00Z", reason: "a\\nb"'),
    '7 freezes[0].reason: must be one line',
  ],
  ['protectd: []', '7 protectd: is not a key of the limits file (did you mean "protected"?)'],
];

describe('a limit at the top', () => {
  it.each(wrongAtTop)('may not be %s', (line, problem) => {
    const [first, ...more] = reading.problemsOf(`${entry()}${line}\n`);
    expect(first?.slice(0, problem.length)).toBe(problem);
    expect(more).toEqual([]);
  });
});
