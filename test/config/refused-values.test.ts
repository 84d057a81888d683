import { afterAll, describe, expect, test } from 'vitest';
import { configFolder, keyHash, withChange, type Change } from './files.ts';

const url = '"http://127.0.0.1:9000/wipe"';

/** What is there, and is not as it must be. */
const changes: Change[] = [
  // Wrong types and forms.
  ['a port alone', '127.0.0.1:7070', '7070', /^1: listen: must be a host and a port.*and is 7070/],
  ['a port of all addresses', '127.0.0.1:7070', '":7070"', /^1: listen: must be a host and a port/],
  ['a port beyond 65535', '127.0.0.1:7070', '127.0.0.1:65536', /^1: listen: /],
  ['an address that is none', '127.0.0.1:7070', '"[::g]:7070"', /^1: listen: /],
  ['a URL to listen on', '127.0.0.1:7070', 'http://127.0.0.1:7070', /^1: listen: /],
  ['a duration without a unit', '24h', '24', /^12: kinds\.host\.max_age: must be a duration.*and is 24/],
  ['a duration of 0', '24h', '0s', /^12: kinds\.host\.max_age: must be a duration/],
  ['a duration that never ends', '24h', '.inf', /^12: kinds\.host\.max_age: must be a duration/],
  ['a share without a sign', '0.5%', '0.005', /^14: kinds\.host\.max_change: must be a share/],
  ['a timeout of 0', 'timeout: 30s', 'timeout: 0s', /timeout: must be a duration above 0/],
  ['valid for nothing', 'valid_for: 5m, b', 'valid_for: 0m, b', /valid_for: must be a duration above 0/],
  [
    'a concurrency of 0',
    'concurrency: 2',
    'concurrency: 0',
    /concurrency: must be a whole number, at least 1, and is 0/,
  ],
  ['a concurrency of 1.5', 'concurrency: 2', 'concurrency: 1.5', /concurrency: must be a whole number/],
  ['a concurrency without end', 'concurrency: 2', 'concurrency: .inf', /concurrency: must be a whole number/],
  ['a concurrency of 10,001', 'concurrency: 2', 'concurrency: 10001', /concurrency: must be at most 10000/],
  ['a concurrency that is text', 'concurrency: 2', 'concurrency: "2"', /concurrency: must be a whole number/],
  [
    'actions of somebody who neither asks nor acts',
    'roles: [operator, auditor]',
    'roles: [operator, auditor], actions: [disk.wipe]',
    /^32: principals\[2\]\.actions: has no effect: only requester and executor name actions/,
  ],
  [
    '"yes" for true',
    'irreversible: true',
    'irreversible: yes',
    /^18: actions\.disk\.wipe\.irreversible: must be true or false, and is "yes"/,
  ],
  ['an executor by ftp', url, '"ftp://127.0.0.1/wipe"', /executor\.url: must be an http or https URL/],
  ['an executor by a path', url, '/wipe', /executor\.url: must be an http or https URL/],
  [
    'an executor with a password',
    url,
    '"http://u:hunter2@127.0.0.1/"',
    /executor\.url: must be an http or https URL without user/,
  ],
  [
    'an executor with a user',
    url,
    '"http://u@127.0.0.1/"',
    /executor\.url: must be an http or https URL without user/,
  ],
  [
    'an executor with a fragment',
    url,
    '"http://127.0.0.1/#x"',
    /executor\.url: must be an http or https URL/,
  ],
  ['an executor with a space', url, '"http://127.0.0.1/a b"', /executor\.url: must be an http or https URL/],
  [
    'a store of another kind',
    './store',
    'mysql://u:hunter2@h/x',
    /^2: store: must be a folder, or a URL like postgres:/,
  ],
  [
    'a store without a database',
    './store',
    'postgres://u@h',
    /^2: store: must be a folder, or a URL like postgres:/,
  ],
  ...[
    ['sslmod=require', /^2: store: .* the word "sslmod", .* \(did you mean "sslmode"\?\)$/],
    ['SSLMODE=require', /^2: store: .*"SSLMODE".*did you mean "sslmode"/],
    [
      'sslmode=verify_full',
      /^2: store: must have for sslmode in its URL one of .*\(did you mean "verify-full"\?\)$/,
    ],
    ['sslmode=allow', /^2: store: must have for sslmode in its URL one of disable, .* and no-verify$/],
    ['sslmode=', /^2: store: must have for sslmode/],
    ['sslmode=verify-full&sslmode=disable', /^2: store: says sslmode twice in its URL$/],
    ['ssl=false', /^2: store: must have for ssl in its URL one of true, 1, 0 and no-verify/],
    ['uselibpqcompat=1&sslmode=require', /^2: store: must have for uselibpqcompat in its URL one of true$/],
    ['channel_binding=require', /^2: store: must have for channel_binding .* disable and prefer; the driver/],
    ['gssencmode=require', /^2: store: must have for gssencmode/],
    ['target_session_attrs=standby', /^2: store: must have for target_session_attrs/],
    ['sslcrl=/x', /^2: store: .*not known here/],
    [
      'hostaddr=10.0.0.1',
      /^2: store: has behind the \? of its URL a word that is not known here \(number 1\): there are user, .* and gssencmode$/,
    ],
    ['password=hunter2&hunter2', /^2: store: .*not known here \(number 2\)/],
    ['constructor=1&__proto__=2', /\(number 2\)/],
  ].map(([words, message]): Change => [
    `a store whose URL says ${String(words)}`,
    './store',
    `'postgres://u@h/x?${String(words)}'`,
    message instanceof RegExp ? message : /never/,
  ]),
  ...[
    'postgres:/u@127.0.0.1/interlock',
    'postgresql:/nobody',
    'postgres:interlock',
    'u@127.0.0.1/interlock',
    'db.example.com:5432/interlock',
    '//u@127.0.0.1/interlock',
    './postgres://u@h/x',
  ].map((store): Change => [
    `a store that looks like a URL and is none, ${store}`,
    './store',
    store,
    /^2: store: is no URL like postgres:.*NAME$/m,
  ]),
  [
    'policies without encryption',
    'store: ./store',
    'policies: http://h/bundle.tar.gz',
    /^2: policies: must be .* https URL/,
  ],
  [
    'policies with a password',
    'store: ./store',
    'policies: https://u:hunter2@h/bundle.tar.gz',
    /^2: policies: must be .* https URL/,
  ],
  [
    'a kill file whose folder is not there',
    './KILL',
    './nowhere/KILL',
    /^4: kill_file: its folder must be there/,
  ],
  ['a kill file in a file', './KILL', './wipe.key/KILL', /^4: kill_file: its folder/],
  [
    'a kill file that is always there',
    './KILL',
    './interlock.yaml',
    /^4: kill_file: must be a file of its own/,
  ],
  ['a kill file that is the limits', './KILL', './limits.yaml', /^4: kill_file: must be a file of its own/],
  [
    'checkpoints whose folder is not there',
    './checkpoints.ndjson',
    './nowhere/c',
    /^5: checkpoints: its folder must be there/,
  ],
  [
    'checkpoints over the limits',
    './checkpoints.ndjson',
    './limits.yaml',
    /^5: checkpoints: must be a file of its own/,
  ],
  [
    'a bearer file that is not there',
    './wipe.key',
    './no.key',
    /^20: actions\.disk\.wipe\.executor\.bearer_file: cannot be read/,
  ],
  ['a bearer file that is a folder', './wipe.key', './', /bearer_file: cannot be read/],
  ['a bearer file that is empty', './wipe.key', './empty.key', /bearer_file: must hold one key/],
  ['a bearer file of two lines', './wipe.key', './two.key', /bearer_file: must hold one key/],
  [
    'a kind that is not declared',
    '    kind: host\n    irreversible',
    '    kind: hots\n    irreversible',
    /^17: actions\.disk\.wipe\.kind: no kind "hots" is declared \(did you mean "host"\?\)/,
  ],
  [
    'an action that is not declared',
    'actions: [disk.wipe] }',
    'actions: [disk.wip] }',
    /^31: principals\[1\]\.actions\[0\]: no action "disk.wip" is declared \(did you mean "disk.wipe"\?\)/,
  ],
  [
    'an action for all',
    'actions: [disk.wipe] }',
    'actions: ["*"] }',
    /^31: principals\[1\]\.actions\[0\]: no action "\*" is declared/,
  ],
  [
    'a schema that is none',
    'type: integer',
    'type: integr',
    /^19: actions\.disk\.wipe\.parameters: is not a JSON Schema/,
  ],
  [
    'a schema that no parameters follow',
    'type: object, properties',
    'type: [string, "null"], properties',
    /^19: actions\.disk\.wipe\.parameters: has a `type` that is not object/,
  ],
  [
    'a schema that is elsewhere',
    'type: integer',
    '$ref: "https://example.com/x"',
    /^19: actions\.disk\.wipe\.parameters: .*another document/,
  ],
  [
    'a schema that is a list',
    '{ type: object, properties: { passes: { type: integer } }, additionalProperties: false }',
    '[]',
    /^19: actions\.disk\.wipe\.parameters: must be a JSON Schema/,
  ],
  [
    'a role that is none',
    '[operator, auditor]',
    '[operator, admin]',
    /^32: principals\[2\]\.roles\[1\]: must be one of requester, /,
  ],
  [
    'operator and requester in one',
    'roles: [requester]',
    'roles: [requester, operator]',
    /^30: principals\[0\]\.roles: operator and requester may not be one/,
  ],
  [
    'actions that have no effect',
    '[operator, auditor]',
    '[operator], actions: [disk.wipe]',
    /^32: principals\[2\]\.actions: has no effect/,
  ],
  [
    'a key that is not hashed',
    `"${keyHash('d')}"`,
    'ilk_abc',
    /^32: principals\[2\]\.keys\[0\]: must be sha256:/,
  ],
  [
    'a hash that is too short',
    keyHash('d'),
    `sha256:${'d'.repeat(63)}`,
    /^32: principals\[2\]\.keys\[0\]: must be sha256:/,
  ],
  [
    'the hash of nothing',
    keyHash('d'),
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    /^32: principals\[2\]\.keys\[0\]: must be .*empty key/,
  ],
  // Names.
  ...[
    'id',
    'fleet',
    'principal',
    'constructor',
    'prototype',
    'toString',
    'valueOf',
    '"a=b"',
    '"a:b"',
    '" rack"',
    '""',
    '1rack',
    '"*"',
  ].map((label): Change => [
    `a label called ${label}`,
    '[owner]',
    `[${label}]`,
    /^10: kinds\.host\.labels\[0\]: must be a label name/,
  ]),
  ['a state called id', 'label: state', 'label: id', /^9: kinds\.host\.state\.label: must be a label name/],
  [
    'a word for all in service',
    '[serving, draining]',
    '[any]',
    /^9: kinds\.host\.state\.in_service\[0\]: must be a value/,
  ],
  [
    'a value that no label has',
    '[serving, draining]',
    '["a b"]',
    /^9: kinds\.host\.state\.in_service\[0\]: must be a value/,
  ],
  ...['unknown', '"a b"', '"a/b"', '"a:b"', '""', '"*"', '1a', `a${'b'.repeat(63)}`].flatMap(
    (name): Change[] => [
      [
        `an action called ${name}`,
        '  machine.reboot:',
        `  ${name}:`,
        /^21: actions\..*: must be a name: a letter, then .*unknown is taken$/,
      ],
      ...(name === 'unknown'
        ? []
        : [
            [
              `a kind called ${name}`,
              '  host:',
              `  ${name}:`,
              /^7: kinds\..*: must be a name: a letter, then .*63 at most\)$/,
            ] as const,
          ]),
    ],
  ),
  ['a principal called *', 'name: oncall', 'name: "*"', /^32: principals\[2\]\.name: must be a name/],
  ...['__proto__', 'constructor', 'toString', 'prototype'].map((name): Change => [
    `a kind called ${name}`,
    'actions:\n',
    `  ${name}: {}\nactions:\n`,
    /^15: ".*": is not a name that may be given/,
  ]),
  // What YAML can say beyond what a reader sees.
  ['an alias', 'store: ./store', 'store: &s ./store\npolicies: *s', /^3: \*s: aliases are not taken/],
  ['a tag', './store', '!!binary aGk=', /^2: .*tag/],
  [
    'a merge key',
    '    kind: host\n    irreversible: true',
    '    <<: { kind: host }',
    /^17: <<: merge keys are not taken/,
  ],
  ['a key that is a number', 'actions:\n', '  1: {}\nactions:\n', /^15: \(key\): a key must be text/],
  ['a second document', 'principals:', '---\nprincipals:', /more than one document/],
  ['a tab', '  host:', '\thost:', /^7: \(top\): /],
];

const files = configFolder();
files.write('empty.key', '\n');
files.write('two.key', 'a\nb\n');
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
