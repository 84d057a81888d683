import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { GOOD, temporaryFolder } from '../config/files.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const files = temporaryFolder();
afterAll(() => files.remove());

async function run(...args: string[]): Promise<{ code: number; said: string; complained: string }> {
  const terminal = recordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

describe('wrong use ends with 2 and says why', () => {
  test.each<[string, string[], RegExp]>([
    ['no command', [], /Usage: interlock/],
    ['an unknown command', ['serv'], /unknown command 'serv'[\s\S]*serve/],
    ['an unknown option', ['serve', '--activat'], /unknown option '--activat'/],
    ['an unknown option of the program', ['--verbose'], /unknown option/],
    ['an option without its value', ['serve', '--config'], /argument missing/],
    ...['', 'yes', '15', '0A1B2C3D', '0a1b2c3', '0a1b2c3d4', '0a1b2c3g', ' unsigned', 'Unsigned'].map(
      (said): [string, string[], RegExp] => [
        `a checkpoint that is none: '${said}'`,
        ['serve', `--restored=${said}`],
        /It is the name of the newest checkpoint, eight hex digits, or unsigned/,
      ],
    ),
    ['one argument too many', ['serve', 'now'], /too many arguments/],
    ['a missing argument', ['keygen'], /missing required argument 'name'/],
    ['a name that no configuration takes', ['keygen', 'a b'], /the name "a b" must be a name/],
    ['a name that would break out of the line', ['keygen', 'a", roles: [operator'], /must be a name/],
    ['a role that is none', ['keygen', 'a', '--role', 'king'], /the role "king" must be one of requester/],
    ['an action that is no name', ['keygen', 'a', '--action', '*'], /the action "\*" must be a name/],
    [
      'a configuration that is not there',
      ['serve', '--config', '/nowhere/interlock.yaml'],
      /^\/nowhere\/interlock\.yaml: there is no such file: name another with --config FILE or INTERLOCK_CONFIG$/,
    ],
    [
      'a folder without policies',
      ['policy', 'test', '/nope'],
      /^interlock: "\/nope" is no folder of policies/,
    ],
    [
      'a blank file of targets',
      ['submit', 'a', '--reason', 'x', '--targets-from', ''],
      /--targets-from is blank: name a file/,
    ],
    [
      'a report that has no folder',
      ['preflight', 'a', 'b', '--reason', 'x', '--junit', '/nope/x.xml', '--url', 'http://127.0.0.1:1'],
      /^interlock: \/nope\/x\.xml cannot be written: ENOENT/,
    ],
    ...[
      ['kill', '--action', 'a', '--action', 'b'],
      ['kill', '--reason=a', '--reason=a'],
      ['kill', 'release', 'x', '--reason', 'a', '--reason', 'b'],
      ['submit', 'a', 'b', '--reason', 'x', '--targets-from', 'a', '--targets-from', 'b'],
      ['preflight', 'a', 'b', '--reason', 'x', '--expect', '1', '--expect', '2'],
      ['submit', 'a', 'b', '--reason', 'x', '--wait', '1s', '--wait', '2s'],
      ['audit', 'search', '--action', 'a', '--action', 'b'],
      ['inventory', 'load', 'host', 'f', '--as-of', 'a', '--as-of', 'b'],
      ['doctor', '--config', 'a', '--config', 'b'],
      ['policy', 'show', '--url', 'a', '--url', 'b'],
    ].map((args): [string, string[], RegExp] => [
      `an option that takes one value, with two: ${args.join(' ')}`,
      args,
      /^interlock: option '.*' is given twice, and takes one value; nothing was done\n(?:Nothing was engaged\. )?See: interlock .* --help$/,
    ]),
    [
      'an unknown option of a policy command',
      ['policy', 'build', '--chek'],
      /^interlock: unknown option '--chek'[\s\S]*See: interlock policy build --help$/,
    ],
    ['an unknown policy command', ['policy', 'biuld'], /unknown command 'biuld'|too many arguments/],
  ])('%s', async (_, args, expected) => {
    const { code, said, complained } = await run(...args);
    expect(code).toBe(2);
    expect(complained).toMatch(expected);
    expect(said).toBe('');
  });

  test('and as JSON on stdout if asked', async () => {
    const { code, said } = await run('serve', '--nothing', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(said)).toEqual({ error: expect.stringContaining('--nothing') });
  });

  test.each([
    ['an unknown command', ['serv', '--json'], "unknown command 'serv'"],
    ['an option that is given twice', ['kill', '--reason=a', '--reason=a', '--json'], "option '--reason"],
    ['no reason', ['submit', 'a', 'b', '--json'], "required option '--reason"],
  ])('and the error of %s says once that it is one', async (_, args, begins) => {
    const { code, said } = await run(...args);
    expect(code).toBe(2);
    expect(JSON.parse(said).error.startsWith(begins), said).toBe(true);
  });

  test('a configuration with several problems gives each on its line, and as JSON', async () => {
    const file = files.write('interlock.yaml', 'listen: x\nstore: ""\n');
    const { code, said, complained } = await run('serve', '--config', file, '--json');
    expect(code).toBe(2);
    const lines = complained.split('\n');
    expect(lines).toContainEqual(
      expect.stringMatching(/interlock\.yaml:1: listen: must be a host and a port/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/interlock\.yaml:2: store: must be a path/));
    expect(lines).toContainEqual(expect.stringMatching(/interlock\.yaml:1: kinds: is missing/));
    expect(JSON.parse(said)).toMatchObject({
      problems: expect.arrayContaining([{ file, line: 1, path: 'listen', message: expect.any(String) }]),
    });
  });
});

describe('help and version end with 0', () => {
  test('--version prints the version of package.json', async () => {
    const { version }: { version: string } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    expect(await run('--version')).toEqual({ code: 0, said: version, complained: '' });
  });

  test('the help of kill shows how it stops less than everything', async () => {
    const { said } = await run('kill', '--help');
    for (const option of ['--reason', '--action', '--dimension', '--except', '--key-file'])
      expect(said).toContain(`  ${option} `);
  });

  test('help is a command, too', async () => {
    expect(await run('help', 'policy')).toEqual(await run('policy', '--help'));
  });

  test.each([
    ['preflight', 'disk.wipe', 'a', '-h', '--reason', 'r'],
    ['submit', 'disk.wipe', '--help', 'b'],
    ['kill', '--reason', 'r', '-h'],
  ])('help beside other words is no yes: %s %s', async (...args) => {
    const { code, complained } = await run(...args);
    expect(code).toBe(2);
    expect(complained).toContain('help was asked for beside other words, so the command was not run');
  });

  test.each([
    ['preflight', 'disk.wipe', 'a', '--reason', '--version'],
    ['submit', 'disk.wipe', 'a', '--reason', 'r', '--on-behalf-of', '--version'],
    ['kill', '--reason', '--version'],
  ])('--version as the value of an option is that value: %s %s', async (...args) => {
    const absent = `${files.folder}/absent.key`;
    const { code, said, complained } = await run(
      ...args,
      '--url',
      'http://127.0.0.1:9',
      '--key-file',
      absent,
    );
    expect({ code, said }).toEqual({ code: 2, said: '' });
    expect(complained).toContain(absent);
  });

  test.each([
    ['submit', 'disk.wipe', '--reason', 'r', '--ticket', '--expect', '2'],
    ['submit', 'disk.wipe', 'a', '--reason', '--json'],
    ['preflight', 'disk.wipe', 'a', '--reason', '--expect=1'],
    ['kill', '--action', '--reason', 'r'],
    ['settle', 'abcd', '--delivered', '--reason', '--json'],
  ])('an option in the place of a value is none: %s %s', async (...args) => {
    const { code, complained } = await run(...args);
    expect(code).toBe(2);
    expect(complained).toMatch(/option '--\w+ <.*>' lacks its value: --\w+ is an option; nothing was done/);
  });

  test('but whatever the reason is, an engage stops', async () => {
    const absent = `${files.folder}/absent.key`;
    const { complained } = await run('kill', '--reason', '--json', '--key-file', absent);
    expect(complained).toContain(absent);
  });

  test('a command behind -- is run as it is without', async () => {
    const alone = await run('policy');
    expect(alone.said + alone.complained).toContain('Usage: interlock policy');
    expect(await run('--', 'policy')).toEqual(alone);
  });

  test('--version beside other words is no yes', async () => {
    const { code, complained } = await run('preflight', 'disk.wipe', '--version', '--reason', 'r');
    expect(code).toBe(2);
    expect(complained).toContain("unknown option '--version'");
  });

  test('--version before a command is no yes to it', async () => {
    const { code, complained } = await run('--version', 'preflight', 'disk.wipe', 'a', '--reason', 'r');
    expect(code).toBe(2);
    expect(complained).toContain('the version was asked for beside other words, so the command was not run');
  });

  test('--help names every command', async () => {
    const { code, said } = await run('--help');
    expect(code).toBe(0);
    for (const command of ['serve', 'demo', 'keygen', 'policy'])
      expect(said).toMatch(new RegExp(`^ {2}${command}`, 'm'));
  });

  test.each(['serve', 'demo', 'keygen'])('%s takes --json', async command => {
    const { code, said } = await run(command, '--help');
    expect(code).toBe(0);
    expect(said).toContain('--json');
  });
});

describe('keygen', () => {
  test('prints a key and the line with its hash, and never the same key', async () => {
    const { code, said } = await run(
      'keygen',
      'decom-bot',
      '--role',
      'requester',
      '--action',
      'disk.wipe',
      'machine.reboot',
    );
    expect(code).toBe(0);
    const key = /ilk_[A-Za-z0-9_-]{43}/.exec(said)?.[0] ?? '';
    expect(said).toContain(
      `- { name: decom-bot, keys: ["${sha256(key)}"], roles: [requester], actions: [disk.wipe, machine.reboot] }`,
    );
    expect((await run('keygen', 'decom-bot')).said).not.toContain(key);
  });

  test('answers as JSON', async () => {
    const { said } = await run('keygen', 'oncall', '--json');
    const answer: { key: string } = JSON.parse(said);
    expect(answer).toEqual({
      name: 'oncall',
      key: expect.stringMatching(/^ilk_[A-Za-z0-9_-]{43}$/),
      hash: sha256(answer.key),
      line: `- { name: oncall, keys: ["${sha256(answer.key)}"], roles: [<role>] }`,
    });
  });

  test.each([
    [[], 'roles: [<role>] }', 'write its roles for <role>'],
    [['--role', 'executor'], 'roles: [executor], actions: [<action>] }', 'write its actions for <action>'],
    [['--role', 'auditor'], 'roles: [auditor] }', 'in interlock.yaml:'],
  ])('says what is to be filled in: %j', async (args, line, told) => {
    const { said } = await run('keygen', 'bot', ...args);
    expect(said).toContain(line);
    expect(said).toContain(told);
  });
});

describe('serve --check-config', () => {
  const limits = {
    'disk.wipe': {
      max_targets: 1,
      max_share: { fleet: '1%' },
      require: 'any',
      windows: [{ per: 'fleet', over: '1h', max_targets: 1 }],
    },
  };

  test('says what would be in force, and opens nothing', async () => {
    files.write('wipe.key', 'k-0123\n');
    files.write('limits.yaml', JSON.stringify({ actions: limits }));
    const args = ['serve', '--check-config', '--config', files.write('interlock.yaml', GOOD)];
    const { code, said, complained } = await run(...args);
    expect({ code, complained }).toEqual({ code: 0, complained: '' });
    expect(said).toMatch(/interlock\.yaml is right/);
    expect(said).toMatch(/revision {5}sha256:[0-9a-f]{64}$/m);
    expect(said).toMatch(/action {7}disk\.wipe on host.*, by http\S+ within \S+, \d+ at once, valid for/);
    expect(said).toMatch(/machine\.reboot on host.*NO LIMITS/);
    expect(said).toMatch(/disk\.wipe +max_targets +1$/m);
    expect(said).toMatch(/disk\.wipe +windows +per fleet, over 1h, max_targets 1$/m);
    expect(said).toMatch(/principal {4}\S+: requester of .*disk\.wipe/);
    const { said: json } = await run(...args, '--json');
    expect(JSON.parse(json)).toMatchObject({
      kinds: ['host'],
      without_limits: ['machine.reboot'],
      listen: 'http://127.0.0.1:7070',
    });
    expect(json).not.toMatch(/k-0123|sha256:a{64}/);
    expect(existsSync(`${files.folder}/store`)).toBe(false);
    expect(existsSync(`${files.folder}/checkpoints.ndjson`)).toBe(false);
  });

  test('ends with 2 for limits that are broken, and for a bundle that is not there', async () => {
    files.write('wipe.key', 'k-0123\n');
    files.write('limits.yaml', 'actions: {}\n');
    const good = files.write('interlock.yaml', GOOD);
    const broken = await run('serve', '--check-config', '--config', good);
    expect(broken).toMatchObject({ code: 2, said: '' });
    expect(broken.complained).toMatch(/limits\.yaml:1: actions: /);
    files.write('limits.yaml', JSON.stringify({ actions: limits }));
    const without = files.write('interlock.yaml', `policies: ./nowhere.tar.gz\n${GOOD}`);
    expect(await run('serve', '--check-config', '--config', without)).toMatchObject({ code: 2, said: '' });
  });

  test.each(['--activate', '--restored=unsigned'])('stands alone: not beside %s', async option => {
    expect((await run('serve', '--check-config', option)).complained).toMatch(/cannot be used with/);
  });
});
