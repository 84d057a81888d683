import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runAuditVerify } from '../../src/cli/audit-verify.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/store.ts';
import { recordedTerminal } from './recorded-terminal.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  await folder.remove();
});

it('says how many checkpoints were looked at, while it looks', async () => {
  const write = (name: string, text: string): string => {
    const file = path.join(folder.path, name);
    writeFileSync(file, text);
    return file;
  };
  const { publicKey } = generateKeyPairSync('ed25519');
  const terminal = recordedTerminal();
  await runAuditVerify(
    {
      export: write('trail.ndjson', ''),
      checkpoints: write('checkpoints.ndjson', '{}\n'.repeat(11_000)),
      keys: [write('key.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString())],
      anchored: false,
      json: false,
    },
    terminal,
  );
  expect(terminal.progressed).toEqual(['5,000 checkpoints so far …', '10,000 checkpoints so far …']);
});
