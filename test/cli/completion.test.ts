import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Argument, Command, Option } from 'commander';
import { afterAll, describe, expect, test } from 'vitest';
import { completionScript, type Shell } from '../../src/cli/completion.ts';
import { runProgram } from '../../src/cli/program.ts';
import { temporaryFolder } from '../config/files.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const files = temporaryFolder();
afterAll(() => files.remove());

/** A program with all that a script must tell apart; its texts try to break out of the quotes. */
function sample(): Command {
  const program = new Command('sample-tool');
  const trail = program.command('trail').description("the trail's `touch BROKEN` $(touch BROKEN)");
  trail
    .command('show')
    .description('one')
    .addArgument(new Argument('<what>').choices(['newest', 'oldest']))
    .option('--out <file>', 'where; "to"')
    .addOption(new Option('--decision <which>', 'which').choices(['allowed', 'refused']));
  program.command('track').description('another');
  const stop = program.command('stop').description('a command with a default');
  stop
    .command('all', { isDefault: true })
    .option('--why <text>', 'why')
    .addOption(new Option('--how <way>', 'how').choices(['soft', 'hard']));
  stop.command('status').option('--wide', 'more');
  return program;
}

const has = (shell: Shell): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;

const script = (shell: Shell): string =>
  files.write(`completion.${shell}`, completionScript(shell, sample()));

/** What the shell itself offers for the last word. */
const asked: Readonly<Record<'bash' | 'fish', (words: readonly string[]) => string[]>> = {
  bash: words => {
    const list = words.map(word => `'${word}'`).join(' ');
    const ask = `source '${script('bash')}'; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _sample_tool; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return offered(spawnSync('bash', ['--norc', '-c', ask], { encoding: 'utf8', cwd: files.folder }).stdout);
  },
  fish: words => {
    const ask = `source '${script('fish')}'; complete -C '${words.join(' ')}'`;
    const home = { PATH: process.env['PATH'], HOME: files.folder };
    const options = { encoding: 'utf8', cwd: files.folder, env: home } as const;
    return offered(spawnSync('fish', ['--no-config', '-c', ask], options).stdout);
  },
};

const offered = (stdout: string): string[] =>
  stdout
    .split('\n')
    .map(line => line.split('\t')[0] ?? '')
    .filter(word => word !== '')
    .toSorted();

describe.each(['bash', 'fish'] as const)('in %s', shell => {
  test.skipIf(!has(shell)).each<[string, string[], string[]]>([
    ['commands', ['sample-tool', 'tra'], ['track', 'trail']],
    ['commands of a command', ['sample-tool', 'trail', 'sh'], ['show']],
    ['values of an argument', ['sample-tool', 'trail', 'show', ''], ['newest', 'oldest']],
    ['options', ['sample-tool', 'trail', 'show', '--d'], ['--decision']],
    ['values of an option', ['sample-tool', 'trail', 'show', '--decision', 'al'], ['allowed']],
    [
      'an option after the value of another',
      ['sample-tool', 'trail', 'show', '--out', 'x', '--dec'],
      ['--decision'],
    ],
    ['options of what runs by default', ['sample-tool', 'stop', '--w'], ['--why']],
    ['values of such an option', ['sample-tool', 'stop', '--how', 'ha'], ['hard']],
    ['and not where another is named', ['sample-tool', 'stop', 'status', '--w'], ['--wide']],
    ['nothing where nothing is known', ['sample-tool', 'nothing-here'], []],
  ])('%s are completed', (_, words, expected) => {
    expect(asked[shell](words)).toEqual(expected);
  });

  test.skipIf(!has(shell))('what a description says is never run', () => {
    asked[shell](['sample-tool', '']);
    expect(spawnSync('ls', [files.folder], { encoding: 'utf8' }).stdout).not.toContain('BROKEN');
  });
});

test.skipIf(!has('zsh'))('in zsh the script parses, and leaves PATH, commands and options alone', () => {
  const file = script('zsh');
  writeFileSync(
    path.join(files.folder, 'try.zsh'),
    `before=$PATH; compdef() { :; }; source ${file}; _describe() { :; }; words=(sample-tool ''); CURRENT=2; _sample_tool; [[ $PATH == $before ]] && print whole`,
  );
  const ran = spawnSync('zsh', ['-f', path.join(files.folder, 'try.zsh')], { encoding: 'utf8' });
  expect(ran.stderr).toBe('');
  expect(ran.stdout).toBe('whole\n');
});

test('the program prints a script for each shell, which knows the commands of today', async () => {
  const terminal = recordedTerminal();
  expect(await runProgram(['completion', 'bash'], terminal)).toBe(0);
  const said = terminal.said.join('\n');
  for (const word of ['serve', 'doctor', "'audit verify'", "'policy build'", '--restored'])
    expect(said).toContain(word);
  expect(await runProgram(['completion', 'csh'], recordedTerminal())).toBe(2);
});

/** What a command's help names: the commands below it, and its long options. */
async function helpOf(
  path: readonly string[],
): Promise<{ readonly commands: string[]; readonly options: string[] }> {
  const terminal = recordedTerminal();
  expect(await runProgram([...path, '--help'], terminal)).toBe(0);
  const said = terminal.said.join('\n');
  const block = (title: string): string => said.split(`\n${title}:\n`)[1]?.split('\n\n')[0] ?? '';
  return {
    commands: [...block('Commands').matchAll(/^ {2}([a-z]+)/gm)].flatMap(([, name = '']) =>
      name === 'help' ? [] : [name],
    ),
    options: [...block('Options').matchAll(/^ {2}.*?--([a-z-]+)/gm)].flatMap(([, name = '']) => name),
  };
}

async function pathsBelow(path: readonly string[]): Promise<string[][]> {
  const { commands } = await helpOf(path);
  const below = await Promise.all(commands.map(async name => await pathsBelow([...path, name])));
  return [[...path], ...below.flat()];
}

/** Of a script what is about one command. */
const ownPart = (shell: Shell, text: string, name: string): string =>
  shell === 'fish'
    ? text
        .split('\n')
        .filter(line => line.includes(`= "${name}"`))
        .join('\n')
    : (text.split(`\n    '${name}')\n`)[1]?.split(' esac ;;')[0] ?? '');

const missingIn = (shell: Shell, own: string, options: readonly string[]): string[] =>
  options.filter(option => !own.includes(shell === 'fish' ? `-l ${option} ` : `--${option}`));

test('and which completes every command that the help names, with every option of it', async () => {
  const scripts = new Map<Shell, string>();
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const terminal = recordedTerminal();
    await runProgram(['completion', shell], terminal);
    scripts.set(shell, terminal.said.join('\n'));
  }
  const paths = (await pathsBelow([])).slice(1);
  expect(paths.map(path => path.join(' '))).toEqual(
    expect.arrayContaining(['drill', 'evidence post', 'evidence list', 'clock accept', 'inventory diff']),
  );
  for (const path of paths) {
    const name = path.join(' ');
    const { options } = await helpOf(path);
    expect(options.length, name).toBeGreaterThan(0);
    for (const [shell, text] of scripts) {
      expect(missingIn(shell, ownPart(shell, text, name), options), `${shell}: ${name}`).toEqual([]);
    }
  }
});

test('kill alone is completed with all that it takes, in each shell', async () => {
  const { options } = await helpOf(['kill', 'engage']);
  expect(options).toEqual(expect.arrayContaining(['reason', 'action', 'except', 'config', 'url']));
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const terminal = recordedTerminal();
    await runProgram(['completion', shell], terminal);
    const own = ownPart(shell, terminal.said.join('\n'), 'kill');
    expect(missingIn(shell, own, options), shell).toEqual([]);
  }
});
