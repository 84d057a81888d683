import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readConfig } from '../src/config/read-config.ts';
import { InForce } from '../src/in-force.ts';
import { systemClock } from '../src/kit/clock.ts';
import { LateGate } from '../src/late-gate.ts';
import { readPolicy, toLoaded } from '../src/load-policy.ts';
import { createReadAhead } from '../src/read-ahead.ts';
import { createReload } from '../src/reload.ts';
import { principal, writeGateFiles } from './support/gate.ts';
import { recordedLogger } from './support/recorded-logger.ts';
import { selfSigned } from './support/self-signed.ts';
import { temporaryFolder } from './support/store.ts';

it('certificates that cannot be renewed are told as such: the keys are loaded all the same', async () => {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'interlock.yaml');
  const { cert, key } = selfSigned('gate.example');
  writeFileSync(join(folder.path, 'gate.crt'), cert);
  writeFileSync(join(folder.path, 'gate.key'), key, { mode: 0o600 });
  const tls = { cert: './gate.crt', key: './gate.key' };
  writeGateFiles(folder.path, { config: { tls } });
  const config = readConfig(file);
  const inForce = new InForce({ config, loaded: toLoaded(await readPolicy(config)) });
  const { logger, said } = recordedLogger();
  const observed: boolean[] = [];
  const reloading = createReload({
    inForce,
    gate: new LateGate(logger),
    logger,
    clock: systemClock,
    readAhead: createReadAhead(),
    metrics: { reloadObserved: isLoaded => observed.push(isLoaded) },
    renewCertificates: () => {
      throw new Error('no');
    },
  });
  writeGateFiles(folder.path, { config: { tls, principals: [principal('newcomer', ['auditor'])] } });
  await reloading.reload();
  expect(inForce.principals.map(({ name }) => name)).toEqual(['newcomer']);
  expect(said()).toEqual([
    [30, expect.stringMatching(/^loaded again: the principals/)],
    [50, expect.stringMatching(/^the certificates could not be renewed/)],
  ]);
  expect(observed).toEqual([false]);
  writeFileSync(file, '');
  await reloading.reload();
  expect(observed).toEqual([false, false]);
  await folder.remove();
});
