import { afterAll, describe, expect, test } from 'vitest';
import { configFolder, GOOD, keyHash, withChange, type Change } from './files.ts';

const url = '"http://127.0.0.1:9000/wipe"';
const oneKey = `["${keyHash('d')}"]`;

/** What is not there, not known, empty, there twice, or too much. */
const changes: Change[] = [
  // Fields that are missing or not known.
  [
    'kinds that are missing',
    GOOD.slice(GOOD.indexOf('kinds:'), GOOD.indexOf('actions:\n  disk')),
    '',
    /^1: kinds: is missing: at least one entry$/,
  ],
  [
    'an unknown field',
    'listen:',
    'listn: x\nlisten:',
    /^1: listn: is not known here \(did you mean "listen"\?\)$/,
  ],
  [
    'an unknown field of a kind',
    '    labels:',
    '    lables: []\n    labels:',
    /^10: kinds\.host\.lables: .*did you mean "labels"/,
  ],
  [
    'an unknown field of a state',
    'in_service: [',
    'in: [], in_service: [',
    /^9: kinds\.host\.state\.in: is not known/,
  ],
  [
    'an unknown field of an action',
    '    irreversible: true',
    '    reversible: false',
    /^18: actions\.disk\.wipe\.reversible: .*"irreversible"/,
  ],
  [
    'an unknown field of an executor',
    'timeout: 30s',
    'timeout: 30s, retries: 3',
    /^20: actions\.disk\.wipe\.executor\.retries: /,
  ],
  [
    'an unknown field of a principal',
    'roles: [operator',
    'role: [auditor], roles: [operator',
    /^32: principals\[2\]\.role: .*"roles"/,
  ],
  ...['max_age: 24h', 'max_shrink: 10%', 'max_change: 0.5%', 'dimensions: [region, zone, rack, role]'].map(
    (line): Change => [
      `a kind without ${line.split(':')[0]}`,
      `    ${line}\n`,
      '',
      new RegExp(`^7: kinds\\.host\\.${line.split(':')[0]}: is missing: it must be `),
    ],
  ),
  ...['timeout: 30s, ', 'concurrency: 2, ', `url: ${url}, `, 'valid_for: 5m, '].map((field): Change => [
    `an executor without ${field.split(':')[0]}`,
    field,
    '',
    new RegExp(`^20: actions\\.disk\\.wipe\\.executor\\.${field.split(':')[0]}: is missing`),
  ]),
  [
    'an action without an executor',
    GOOD.slice(GOOD.indexOf('    executor:\n'), GOOD.indexOf('principals:')),
    '',
    /executor: is missing$/,
  ],
  [
    'an action without a kind',
    '  machine.reboot:\n    kind: host\n',
    '  machine.reboot:\n',
    /^21: actions\.machine\.reboot\.kind: is missing/,
  ],
  ['a principal without keys', `keys: ${oneKey}, `, '', /^32: principals\[2\]\.keys: is missing/],
  [
    'a principal without roles',
    ', roles: [operator, auditor]',
    '',
    /^32: principals\[2\]\.roles: is missing/,
  ],
  ['a principal without a name', 'name: oncall, ', '', /^32: principals\[2\]\.name: is missing/],
  // Empty.
  [
    'no principals',
    GOOD.slice(GOOD.indexOf('principals:')),
    'principals: []\n',
    /^29: principals: must be a list: at least one/,
  ],
  [
    'an empty principal',
    GOOD.slice(GOOD.indexOf('  - { name: oncall')),
    '  -\n',
    /^32: principals\[2\]: is empty$/,
  ],
  ['a kind that is empty', 'actions:\n', '  empty:\nactions:\n', /^15: kinds\.empty: is empty$/],
  ['no dimensions', '[region, zone, rack, role]', '[]', /^8: kinds\.host\.dimensions: .*at least one/],
  ['nothing in service', '[serving, draining]', '[]', /^9: kinds\.host\.state\.in_service: .*at least one/],
  [
    'a state that is empty',
    '{ label: state, in_service: [serving, draining] }',
    '',
    /^9: kinds\.host\.state: is empty$/,
  ],
  ['a blank store', './store', '" "', /^2: store: must be a path/],
  ['an empty kill file', './KILL', '', /^4: kill_file: must be a path, and not blank, and is empty/],
  ['no keys', oneKey, '[]', /^32: principals\[2\]\.keys: must be a list of one key/],
  ['no roles', '[operator, auditor]', '[]', /^32: principals\[2\]\.roles: .*at least one/],
  [
    'a requester that names no action',
    ', actions: [disk.wipe, machine.reboot]',
    '',
    /^30: principals\[0\]\.actions: is missing or empty/,
  ],
  [
    'a requester with an empty list of actions',
    '[disk.wipe, machine.reboot]',
    '[]',
    /^30: principals\[0\]\.actions: is missing or empty/,
  ],
  [
    'an executor that names no action',
    'roles: [executor], actions: [disk.wipe]',
    'roles: [executor]',
    /^31: principals\[1\]\.actions: is missing/,
  ],
  [
    'parameters that let everything through',
    '{ type: object, properties: { passes: { type: integer } }, additionalProperties: false }',
    '{}',
    /^19: actions\.disk\.wipe\.parameters: is empty/,
  ],
  // Twice.
  [
    'a key of YAML twice',
    'store: ./store',
    'store: ./store\nstore: ./other',
    /^3: \(top\): Map keys must be unique$/,
  ],
  [
    'a dimension twice',
    '[region, zone,',
    '[region, region, zone,',
    /^8: kinds\.host\.dimensions\[1\]: "region" stands twice/,
  ],
  [
    'a state in service twice',
    '[serving, draining]',
    '[serving, serving]',
    /^9: kinds\.host\.state\.in_service\[1\]: "serving" stands twice/,
  ],
  [
    'a label that is a dimension',
    '[owner]',
    '[owner, rack]',
    /^10: kinds\.host\.labels\[1\]: "rack" is a dimension already/,
  ],
  [
    'an optional dimension',
    '[quarantined_at]',
    '[rack]',
    /^11: kinds\.host\.optional\[0\]: "rack" is required already/,
  ],
  [
    'an optional label that is required',
    '[quarantined_at]',
    '[owner]',
    /^11: kinds\.host\.optional\[0\]: "owner" is required/,
  ],
  [
    'an optional state',
    '[quarantined_at]',
    '[state]',
    /^11: kinds\.host\.optional\[0\]: "state" is required/,
  ],
  [
    'no weights',
    '[quarantined_at]',
    '[quarantined_at]\n    weights: []',
    /^12: kinds\.host\.weights: must be a list of names of weights, at least one/,
  ],
  [
    'a weight twice',
    '[quarantined_at]',
    '[quarantined_at]\n    weights: [traffic, traffic]',
    /^12: kinds\.host\.weights\[1\]: "traffic" stands twice/,
  ],
  ...['region', 'owner', 'quarantined_at', 'state'].map((label): [string, string, string, RegExp] => [
    `a weight that is called as the label ${label}`,
    '[quarantined_at]',
    `[quarantined_at]\n    weights: [traffic, ${label}]`,
    new RegExp(String.raw`^12: kinds\.host\.weights\[1\]: "${label}" is a label already`),
  ]),
  [
    'a weight that is called as all of the kind',
    '[quarantined_at]',
    '[quarantined_at]\n    weights: [fleet]',
    /^12: kinds\.host\.weights\[0\]: "fleet" is the word for all of the kind/,
  ],
  [
    'a weight that is no name',
    '[quarantined_at]',
    "[quarantined_at]\n    weights: ['weight:traffic']",
    /^12: kinds\.host\.weights\[0\]: must be the name of a weight/,
  ],
  [
    'a name twice',
    'name: wiper',
    'name: decom-bot',
    /^31: principals\[1\]\.name: another principal is called "decom-bot" too/,
  ],
  [
    'a key of two principals',
    keyHash('d'),
    keyHash('a'),
    /^32: principals\[2\]\.keys\[0\]: is a key of principals\[0\] too/,
  ],
  [
    'a key of two principals in another case',
    keyHash('d'),
    `sha256:${'A'.repeat(64)}`,
    /^32: principals\[2\]\.keys\[0\]: is a key of principals\[0\] too/,
  ],
  [
    'the same key twice in one',
    keyHash('c'),
    keyHash('b'),
    /^31: principals\[1\]\.keys\[1\]: "sha256:.* stands twice$/,
  ],
  [
    'an action twice',
    '[disk.wipe, machine.reboot]',
    '[disk.wipe, disk.wipe]',
    /^30: principals\[0\]\.actions\[1\]: "disk.wipe" stands twice/,
  ],
  [
    'a role twice',
    '[operator, auditor]',
    '[operator, operator]',
    /^32: principals\[2\]\.roles\[1\]: "operator" stands twice/,
  ],
  // Too many, too much.
  [
    'three keys',
    `"${keyHash('c')}"`,
    `"${keyHash('c')}", "${keyHash('e')}"`,
    /^31: principals\[1\]\.keys: must be one key, or two/,
  ],
  ['a timeout over a day', 'timeout: 30s', 'timeout: 25h', /timeout: must be a duration .*at most 1d/],
  [
    'permits for months',
    'valid_for: 5m, b',
    'valid_for: 31d, b',
    /valid_for: must be a duration .*at most 30d/,
  ],
  ['a share over 100%', '10%', '101%', /^13: kinds\.host\.max_shrink: must be a share/],
];

const files = configFolder();
afterAll(() => files.remove());

describe('a configuration is refused for', () => {
  test.each(changes)('%s', (_, from, to, expected) => {
    const problems = files.problemsOf(withChange(from, to));
    expect(
      problems.some(problem => expected.test(problem)),
      problems.join('\n'),
    ).toBe(true);
    expect(problems.join()).not.toContain('hunter2');
  });
});
