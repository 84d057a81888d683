import { beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { recordedTerminal } from './recorded-terminal.ts';

async function helpOf(path: readonly string[]): Promise<string> {
  const terminal = recordedTerminal();
  expect(await runProgram([...path, '--help'], terminal)).toBe(0);
  return terminal.said.join('\n');
}

/** Names below `Commands:`; what a command may leave out (`kill engage`) is among them. */
const commandsIn = (help: string): string[] => {
  const [, list = ''] = /^Commands:\n((?: {2}.*\n?)*)/m.exec(help) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name);
  return names.filter(name => name !== 'help');
};

async function helps(path: readonly string[], into: Map<string, string>): Promise<Map<string, string>> {
  const help = await helpOf(path);
  into.set(path.join(' '), help);
  for (const name of commandsIn(help)) await helps([...path, name], into);
  return into;
}

let all: ReadonlyMap<string, string> = new Map();
beforeAll(async () => {
  all = await helps([], new Map());
});

const examplesIn = (help: string): string[] =>
  [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, example = '']) => example);

/** What is above the examples, which would speak for themselves. */
const optionsIn = (help: string): string => help.split('\nExamples:')[0] ?? '';

/** The commands of the program in a line, each with its words; what follows three blanks is a remark. */
const callsIn = (example: string): string[][] =>
  (example.split(/ {3,}/)[0] ?? '')
    .split(/&&|[|(]/)
    .map(part => part.trim().split(/\s+/))
    .filter(words => words.includes('interlock'))
    .map(words => words.slice(words.indexOf('interlock') + 1));

describe('the help of every command', () => {
  test('is there', () => {
    expect(all.size).toBeGreaterThan(28);
    for (const path of ['settle', 'cancel', 'clock accept', 'kill release', 'policy build'])
      expect([...all.keys()]).toContain(path);
  });

  test('has an example of that very command, and says its exit codes', () => {
    const lacking = [...all].flatMap(([path, help]) => {
      const shown = examplesIn(help).some(one => one.includes(`interlock ${path.replace(' engage', '')}`));
      const codes = /^Exit codes:\n {2}0 {2}\S.*\n( {2}1 {2}\S.*\n)? {2}2 {2}\S.*\n {2}3 {2}\S/m.test(help);
      return shown && codes ? [] : [`${path}: ${shown ? '' : 'no example '}${codes ? '' : 'no exit codes'}`];
    });
    expect(lacking).toEqual([]);
  });

  test('shows no option in an example that its command does not have', () => {
    const wrong = [...all.values()].flatMap(examplesIn).flatMap(example =>
      callsIn(example).flatMap(words => {
        const two = words.slice(0, 2).join(' ');
        const path = all.has(two) ? two : (words[0] ?? '');
        const help = optionsIn(all.get(path === 'kill' ? 'kill engage' : path) ?? '');
        return words
          .filter(word => word.startsWith('--'))
          .filter(option => !help.includes(option) && path !== 'COMMAND')
          .map(option => `${path} has no ${option}: ${example}`);
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('fits a terminal of 120 columns in what is written by hand', () => {
    const long = [...all].flatMap(([path, help]) =>
      help
        .slice(help.indexOf('\nExamples:'))
        .split('\n')
        .filter(line => line.length > 120)
        .map(line => `${path}: ${line}`),
    );
    expect(long).toEqual([]);
  });
});
