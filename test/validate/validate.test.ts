import { describe, expect, test } from 'vitest';
import { Fault } from '../../src/kit/fault.ts';
import { readAction, validate } from '../../src/validate/validate.ts';
import { bodyOf, check, checks, config, good, reasonsAgainst, validated } from './requests.ts';

const against = (body: object): string[] =>
  reasonsAgainst(body).map(reason => `${reason.rule} ${reason.pointer}`);

describe('a body is refused', () => {
  test.each<[string, object, string[]]>([
    [
      'when it is empty',
      {},
      ['request.invalid /action', 'request.invalid /reason', 'targets.empty /targets'],
    ],
    ['when a field is unknown', { ...good, force: true }, ['request.invalid /force']],
    ['when a field is written in another case', { ...good, Ticket: 'DC-1' }, ['request.invalid /Ticket']],
    ['when an unknown field is null', { ...good, all: null }, ['request.invalid /all']],
    [
      'when an unknown field needs escaping in a pointer',
      { ...good, 'a/b~c': 1 },
      ['request.invalid /a~1b~0c'],
    ],
    // The action.
    ['when the action is missing', { ...good, action: undefined }, ['request.invalid /action']],
    ['when the action is null', { ...good, action: null }, ['request.invalid /action']],
    ['when the action is a list', { ...good, action: ['disk.wipe'] }, ['request.invalid /action']],
    ['when the action is not declared', { ...good, action: 'disk.wipes' }, ['action.unknown /action']],
    ['when the action is in another case', { ...good, action: 'Disk.Wipe' }, ['action.unknown /action']],
    ['when the action is ""', { ...good, action: '' }, ['action.unknown /action']],
    ['when the action is *', { ...good, action: '*' }, ['action.unknown /action']],
    ['when the action is what objects inherit', { ...good, action: 'toString' }, ['action.unknown /action']],
    // Texts.
    ...(['reason', 'ticket', 'on_behalf_of'] as const).flatMap((field): [string, object, string[]][] => [
      ...[null, 3, ['x'], {}, false].map((value): [string, object, string[]] => [
        `when ${field} is ${JSON.stringify(value)}`,
        { ...good, [field]: value },
        [`request.invalid /${field}`],
      ]),
      ...['', ' ', '\u00a0', '\u200b', '\u2060\ufeff', '\u3164', '\u00ad'].map(
        (value): [string, object, string[]] => [
          `when ${field} is blank like ${encodeURIComponent(value)}`,
          { ...good, [field]: value },
          [`request.invalid /${field}`],
        ],
      ),
      ...[
        'a\nb',
        'a\u0000',
        '\u001b[2J',
        'a\u0085b',
        'a\u2028b',
        'a\u202eb',
        'a\u2066b',
        '\u007fa',
        'a\tb',
      ].map((value): [string, object, string[]] => [
        `when ${field} holds ${encodeURIComponent(value)}`,
        { ...good, [field]: value },
        [`request.invalid /${field}`],
      ]),
    ]),
    ['when the reason is missing', { ...good, reason: undefined }, ['request.invalid /reason']],
    [
      'when the reason has 4,001 characters',
      { ...good, reason: 'r'.repeat(4_001) },
      ['request.invalid /reason'],
    ],
    ['when the ticket has 201 characters', { ...good, ticket: 't'.repeat(201) }, ['request.invalid /ticket']],
    [
      'when on_behalf_of has 201 characters',
      { ...good, on_behalf_of: 'o'.repeat(201) },
      ['request.invalid /on_behalf_of'],
    ],
    // Parameters.
    ...['disk.wipe', 'machine.reboot', 'config.push'].flatMap(action =>
      [null, [], 'x', 3, true].map((value): [string, object, string[]] => [
        `when parameters of ${action} are ${JSON.stringify(value)}`,
        { ...good, action, parameters: value },
        ['parameters.invalid /parameters'],
      ]),
    ),
    [
      'when a parameter is against the schema',
      { ...good, parameters: { passes: 8 } },
      ['parameters.invalid /parameters/passes'],
    ],
    [
      'when a parameter is not in the schema',
      { ...good, parameters: { 'a/b': 1 } },
      ['parameters.invalid /parameters/a~1b'],
    ],
    [
      'when missing parameters are required',
      { ...good, action: 'disk.check' },
      ['parameters.invalid /parameters/passes'],
    ],
    [
      'when an action that takes no parameters gets some',
      { ...good, action: 'machine.reboot', parameters: { passes: 1 } },
      ['parameters.invalid /parameters/passes'],
    ],
    // All at once.
    [
      'for everything that is wrong, by rule',
      { action: 'disk.wipe', targets: ['*'], parameters: { passes: 0, x: 1 }, reason: '', force: 1 },
      [
        'parameters.invalid /parameters/passes',
        'parameters.invalid /parameters/x',
        'request.invalid /force',
        'request.invalid /reason',
        'targets.malformed /targets',
        'targets.wildcard /targets/0',
      ],
    ],
    [
      'for its targets too when the action is not known, labels aside',
      { action: 'x', targets: { selector: { nowhere: '*' } }, reason: 'r', parameters: { any: 1 } },
      [
        'action.unknown /action',
        'targets.no_expectation /targets/expect',
        'targets.wildcard /targets/selector/nowhere',
      ],
    ],
  ])('%s', (_, body, expected) => {
    expect(against(body)).toEqual(expected);
  });

  test('with 422', () => {
    expect(check({})).toMatchObject({ refused: true, status: 422 });
  });

  test('with the nearest known name of a field and of an action', () => {
    const [unknown, field] = reasonsAgainst({ ...good, action: 'disk.wip', tickets: 'x' });
    expect(unknown?.message).toContain('did you mean "disk.wipe"?');
    expect(field?.message).toContain('did you mean "ticket"?');
  });

  test('with one parameter by name, and the number of the others, when it takes none', () => {
    const one = reasonsAgainst({ ...good, action: 'machine.reboot', parameters: { a: 1 } });
    const three = reasonsAgainst({ ...good, action: 'machine.reboot', parameters: { a: 1, b: 2, c: 3 } });
    expect(one.map(reason => reason.message)).toEqual([
      'The action "machine.reboot" takes no parameters, and "a" was given.',
    ]);
    expect(three).toHaveLength(1);
    expect(three[0]?.message).toContain('There are 2 more of this.');
  });

  test('with ten unknown fields by name, and the number of the others', () => {
    const unknown = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`x${index}`, 1]));
    const reasons = reasonsAgainst({ ...good, ...unknown });
    expect(reasons).toHaveLength(11);
    expect(reasons.filter(reason => reason.message.endsWith('There are 4989 more of this.'))).toHaveLength(1);
  });
});

describe('a body that is right', () => {
  test('gives the action, its kind, what was named, parameters and reason, and nothing that was not said', () => {
    const result = validated(good);
    expect(Object.fromEntries(Object.entries(result))).toEqual({
      action: config.actions.get('disk.wipe'),
      kind: config.kinds.get('host'),
      named: { ids: ['host-1', 'host-2'] },
      parameters: {},
      reason: 'rack r12 is retired',
    });
  });

  test('gives ticket, principal behind the principal, and parameters', () => {
    const said = { parameters: { passes: 7 }, ticket: 'DC-4711', on_behalf_of: 'jo@example.com' };
    expect(validated({ ...good, ...said })).toMatchObject({
      parameters: { passes: 7 },
      ticket: 'DC-4711',
      onBehalfOf: 'jo@example.com',
    });
  });

  test('may say its reason in any script, at full length', () => {
    for (const reason of [
      'Gestell r12 fällt weg – endgültig',
      'ラックの廃止',
      '👩‍💻 asked',
      'r'.repeat(4_000),
    ]) {
      expect(validated({ ...good, reason }).reason).toBe(reason);
    }
  });

  test('may give empty parameters to an action that takes none', () => {
    expect(validated({ ...good, action: 'machine.reboot', parameters: {} }).parameters).toEqual({});
  });
});

describe('a gate that cannot check', () => {
  test('says no when the schema of an action was not compiled', () => {
    expect(() => validate(bodyOf(good), config, new Map(), 'bot')).toThrow(Fault);
  });

  test('says no when the kind of an action is not there', () => {
    expect(() => validate(bodyOf(good), { ...config, kinds: new Map() }, checks, 'bot')).toThrow(Fault);
  });
});

describe('the action of a body', () => {
  test.each<[string, object, string | undefined]>([
    ['is undefined when missing', {}, undefined],
    ['is undefined when it is not text', { action: ['disk.wipe'] }, undefined],
    ['is what was said, declared or not', { action: 'nothing' }, 'nothing'],
  ])('%s', (_, body, expected) => {
    expect(readAction(bodyOf(body))).toBe(expected);
  });
});
