import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { showPolicies, showStore, warnOfOpenKeys } from '../src/describe-start.ts';
import { recordedLogger } from './support/recorded-logger.ts';
import { temporaryFolder } from './support/store.ts';

it.each([
  [
    'postgres://gate:hunter2@db.example.com:5432/interlock?sslmode=require',
    'postgres://gate@db.example.com:5432/interlock',
  ],
  ['postgres://db/interlock?password=hunter2', 'postgres://db/interlock'],
  ['postgres:///interlock?host=/run/postgresql', 'postgres:///interlock?host=/run/postgresql'],
])('the store %s is shown without what may be secret in it', (url, shown) => {
  expect(showStore({ type: 'server', url })).toBe(shown);
});

it('a store in a folder is shown by its path', () => {
  expect(showStore({ type: 'embedded', folder: '/var/lib/interlock' })).toBe('/var/lib/interlock');
});

it.each([
  ['https://bundles.example.com/gate.tar.gz?token=hunter2', 'https://bundles.example.com/gate.tar.gz'],
  ['HTTPS://bundles.example.com/gate.tar.gz?token=hunter2', 'HTTPS://bundles.example.com/gate.tar.gz'],
  ['https://bundles.example.com/gate.tar.gz#hunter2', 'https://bundles.example.com/gate.tar.gz'],
  ['/etc/interlock/what?', '/etc/interlock/what?'],
])('the bundle %s is shown without what may be secret in it', (policies, shown) => {
  expect(showPolicies(policies)).toBe(shown);
});

it.each([
  [0o644, 1],
  [0o602, 1],
  [0o640, 0],
  [0o600, 0],
])('a key for an executor with mode %o is told %i times, and what is in it is not', async (mode, times) => {
  const folder = await temporaryFolder();
  try {
    const bearerFile = path.join(folder.path, 'tool.key');
    writeFileSync(bearerFile, 'ilk_secret');
    chmodSync(bearerFile, mode);
    const { logger, said } = recordedLogger();
    warnOfOpenKeys(
      [
        { name: 'a', executor: { bearerFile } },
        { name: 'b', executor: {} },
      ],
      logger,
    );
    expect(said()).toHaveLength(times);
    expect(JSON.stringify(said())).not.toContain('ilk_secret');
    if (times > 0) expect(said()[0]?.[1]).toContain(`chmod 600 ${bearerFile}`);
  } finally {
    await folder.remove();
  }
});
