// `interlock serve` with a gate that is none: what it does is told by the first argument. Run by serve.test.ts.
import { readFile } from 'node:fs/promises';
import { watchForCrashes } from '../../src/cli/crash.ts';
import { runServe, type ServedGate } from '../../src/cli/serve.ts';
import type { Logger } from '../../src/kit/logger.ts';
import { processTerminal } from '../../src/cli/terminal.ts';

const [how = '', ...args] = process.argv.slice(2);
const say = (line: string): void => processTerminal.say(line);
// A server would keep the process alive.
const alive = setInterval(() => undefined, 1_000);

let finish = (): void => undefined;
const told = new Promise<void>(resolve => {
  finish = resolve;
});
process.stdin.on('data', () => finish());
process.stdin.unref();

async function close(): Promise<void> {
  say('closing');
  if (how === 'close fails') throw new Error('the store is gone');
  if (how === 'close waits') await told;
  clearInterval(alive);
  say('closed');
}

async function startGate(options: {
  configFile: string;
  activate: boolean;
  logger: Logger;
}): Promise<ServedGate> {
  say(`starting ${options.configFile} ${options.activate}`);
  if (how === 'start waits') await told;
  // More than any pipe takes.
  if (how === 'talks') for (let line = 0; line < 4_000; line += 1) options.logger.info('x'.repeat(1_000));
  // To open a named pipe that nobody writes to takes as long as a disk that hangs.
  const pipe = args.find(arg => arg.endsWith('.pipe'));
  if (pipe !== undefined) void readFile(pipe);
  if (how === 'crash') setTimeout(() => throwIt('a crash'), 1);
  if (how === 'rejection') void Promise.reject(new Error('a rejection'));
  const reload = async (): Promise<void> => {
    say('reloading');
  };
  return { address: 'http://127.0.0.1:7070', reload, close };
}

function throwIt(message: string): never {
  throw new Error(message);
}

watchForCrashes();
const options = { activate: args.includes('--activate'), json: args.includes('--json') };
const config = args.find(arg => arg.endsWith('.yaml'));
await runServe({ ...options, ...(config !== undefined && { config }) }, startGate, processTerminal);
