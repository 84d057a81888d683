import { expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { againstServer } from './against-server.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// Ctrl-C when the request has arrived, and is not answered: the gate goes on with it.

const { files, server } = againstServer();

const ID = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const ARTIFACT = `sha256:${'a'.repeat(64)}`;
const hosts = files.write('hosts.ndjson', '{"id":"a","labels":{}}\n');

test.each<[string, string[], string]>([
  ['kill', ['kill'], 'whether the switch is engaged: interlock kill status tells'],
  [
    'kill release',
    ['kill', 'release', ID, '--reason', 'r'],
    'whether it is released: interlock kill status tells',
  ],
  [
    'settle',
    ['settle', ID, '--refused', '--reason', 'r'],
    `whether it is settled: interlock audit show ${ID} tells`,
  ],
  ['cancel', ['cancel', ID], `whether it is cancelled: interlock audit show ${ID} tells`],
  ['clock accept', ['clock', 'accept', '--reason', 'r'], 'whether the time is accepted: ask again'],
  [
    'inventory load',
    ['inventory', 'load', 'host', hosts],
    'whether it is loaded: interlock inventory summary',
  ],
  [
    'evidence post',
    ['evidence', 'post', ARTIFACT, 'canary', 'passed'],
    `evidence list --artifact ${ARTIFACT} tells`,
  ],
])(
  '%s that is broken off behind what it sent says which command tells, and ends with 3',
  async (_, args, tells) => {
    const before = process.listenerCount('SIGINT');
    for (const json of [[], ['--json']]) {
      server.script(() => void process.emit('SIGINT', 'SIGINT'));
      const terminal = recordedTerminal();
      const code = await runProgram([...args, ...json], terminal);
      const complained = terminal.complained.join('\n');
      expect(code, complained).toBe(3);
      expect(complained).toContain('It is not known whether');
      expect(complained.split(tells), complained).toHaveLength(2);
      if (json.length > 0) expect(JSON.parse(terminal.said.join(''))).toHaveProperty('error');
      expect(server.received).toHaveLength(1);
    }
    expect(process.listenerCount('SIGINT')).toBe(before);
  },
);
