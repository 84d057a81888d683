import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadLimits } from '../../src/config/limits-file.ts';
import { readConfig } from '../../src/config/read-config.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Limits } from '../../src/policy/limits.ts';
import { policiesFolder, shippedBundle } from '../policy/samples.ts';
import type { Gate } from '../support/gate.ts';
import { freePort } from '../support/postgres-server.ts';
import { ACTION } from './bench-gate.ts';
import type { Helper } from './processes.ts';
import type { Sent } from './requests.ts';

/** The command, on the PATH or where `go install` puts it; undefined when it is not there. */
export const findOpa = (): string | undefined =>
  ['opa', path.join(homedir(), 'go', 'bin', 'opa')].find(
    command => spawnSync(command, ['version']).status === 0,
  );

/** As the gate reads them. */
async function limitsOf({ folder }: Pick<Gate, 'folder'>): Promise<Limits> {
  const config = readConfig(path.join(folder, 'interlock.yaml'));
  return loadLimits(config.limitsFile, config, (await shippedBundle()).manifests).limits;
}

/** OPA's own server over the sources of the policy that ships, with the limits of a gate; undefined without `opa`. */
export async function startOpaServer(gate: Pick<Gate, 'folder'>): Promise<Helper | undefined> {
  const opa = findOpa();
  if (opa === undefined) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'interlock-opa-'));
  cpSync(policiesFolder, path.join(folder, 'policies'), {
    recursive: true,
    filter: from => path.extname(from) === '' || (from.endsWith('.rego') && !from.endsWith('_test.rego')),
  });
  writeFileSync(path.join(folder, 'limits.json'), JSON.stringify({ limits: await limitsOf(gate) }));
  const port = await freePort();
  const args = [
    'run',
    '--server',
    `--addr=127.0.0.1:${port}`,
    '--log-level=error',
    'policies',
    'limits.json',
  ];
  const child = spawn(opa, args, { cwd: folder, stdio: 'ignore' });
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (
      await fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return { url, end };
    await pause(100);
  }
  await end();
  throw new Error('the OPA server did not start');
}

/** What the gate's policy is asked for a refused request of the bench: two hosts of a rack that serves. */
const facts = (): Facts => {
  const value = (name: string, total: number) => [
    { value: name, count: 2, total, takes: 2, remaining: total - 2 },
  ];
  const window = (source: 'action' | 'budget', index: number, name: string, total: number) => ({
    source,
    index,
    value: name,
    used: 1_234,
    count: 2,
    total,
  });
  return {
    action: ACTION,
    kind: 'host',
    principal: 'bot',
    now_ms: Date.now(),
    fleet: { count: 2, total: 12_000 },
    dimensions: {
      region: value('region-0', 4_000),
      zone: value('zone-0', 1_000),
      cluster: value('cluster-0', 200),
      rack: value('rack-1', 40),
    },
    labels: { state: [{ value: 'serving', count: 2 }] },
    windows: [
      window('action', 0, 'host', 12_000),
      window('action', 1, 'region-0', 4_000),
      window('action', 2, 'bot', 12_000),
      window('budget', 0, 'host', 12_000),
    ],
    requests: [{ index: 0, value: 'bot', used: 999 }],
    in_flight: 0,
    protected: [],
  };
};

/** The same question again and again: OPA remembers none of its answers. */
export const askedOfOpa: Sent = {
  path: '/v1/data/interlock/gate/decision',
  key: 'none',
  next: () => ({ body: JSON.stringify({ input: facts() }) }),
  status: 200,
  holds: 'labels.not_allowed',
};
