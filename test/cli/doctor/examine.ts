import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from '../../../src/cli/program.ts';
import { keyOf, type Gate } from '../../support/gate.ts';
import { recordedTerminal } from '../recorded-terminal.ts';

/** What `doctor` says of a gate that runs, with an auditor's key. */
export async function examine({ folder, url }: Pick<Gate, 'folder' | 'url'>): Promise<string> {
  const keyFile = path.join(folder, 'auditor.key');
  writeFileSync(keyFile, `${keyOf('auditor')}\n`);
  chmodSync(keyFile, 0o600);
  const terminal = recordedTerminal();
  const config = path.join(folder, 'interlock.yaml');
  await runProgram(['doctor', '--config', config, '--url', url, '--key-file', keyFile], terminal);
  return terminal.said.join('\n');
}
