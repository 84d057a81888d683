import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { hosts } from '../support/api.ts';
import { standing } from '../support/standing.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const on = standing({ store: 'embedded', inventory: { host: hosts('host', 3) } });

async function verify(): Promise<{ code: number; said: string; complained: string }> {
  const terminal = recordedTerminal();
  const code = await runProgram(
    ['audit', 'verify', '--config', path.join(on.gate.folder, 'interlock.yaml')],
    terminal,
  );
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

it('the folder of a gate that runs is in use, and the way by an export is said', async () => {
  const { code, said, complained } = await verify();
  expect(complained).toMatch(/in use[\s\S]*interlock audit export[\s\S]*--export/);
  expect(said).toBe('');
  expect(code).toBe(3);
  on.gate.rewrite({ config: { listen: '127.0.0.1:7071' } });
  expect((await verify()).complained).toContain(
    'interlock audit export --out trail.ndjson --url http://127.0.0.1:7071, then',
  );
});

it('a folder that no gate holds is verified, and left as it was', async () => {
  await on.gate.stop();
  for (let time = 0; time < 2; time += 1) {
    const { code, said } = await verify();
    // By the checkpoint that the gate signed at its end.
    expect(said).toMatch(/^Whole: \d+ entries, from .*\nHead: .*\nAnchored/);
    expect(code).toBe(0);
  }
});

it('a folder without a store stays without one', async () => {
  on.gate.rewrite({ config: { store: './nowhere' } });
  const { code, complained } = await verify();
  expect(complained).toContain('There is no store in');
  expect(code).toBe(2);
  expect(existsSync(path.join(on.gate.folder, 'nowhere'))).toBe(false);
});
