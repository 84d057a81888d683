import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { textsOf } from '../src/config/problems.ts';
import { readConfig } from '../src/config/read-config.ts';
import { InForce } from '../src/in-force.ts';
import { systemClock } from '../src/kit/clock.ts';
import { DiskLane } from '../src/kit/disk-lane.ts';
import { FileThreads } from '../src/kit/file-threads.ts';
import { LateGate } from '../src/late-gate.ts';
import { readPolicy, toLoaded } from '../src/load-policy.ts';
import { createReload } from '../src/reload.ts';
import { principal, writeGateFiles, type Doc } from './support/gate.ts';
import { recordedLogger } from './support/recorded-logger.ts';
import { selfSigned } from './support/self-signed.ts';
import { temporaryFolder } from './support/store.ts';

/** A gate's files with a certificate, and what loads them again. */
async function loaded(
  renewCertificates: () => void,
  disks = { own: new DiskLane(new FileThreads()), others: new DiskLane(new FileThreads()) },
) {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const write = (name: string, text: string): void => writeFileSync(at(name), text, { mode: 0o600 });
  const { cert, key } = selfSigned('gate.example');
  write('gate.crt', cert);
  write('gate.key', key);
  const tls = { cert: './gate.crt', key: './gate.key' };
  writeGateFiles(folder.path, { config: { tls } });
  const config = readConfig(at('interlock.yaml'));
  const inForce = new InForce({ config, loaded: toLoaded(await readPolicy(config)) });
  const { logger, said } = recordedLogger();
  const observed: boolean[] = [];
  const reloading = createReload({
    inForce,
    gate: new LateGate(logger, systemClock),
    logger,
    clock: systemClock,
    disks,
    metrics: { reloadObserved: isLoaded => observed.push(isLoaded) },
    renewCertificates,
  });
  return { folder, write, tls, inForce, said, observed, reloading };
}
/** A lane in which something hangs already. */
function hanging(): DiskLane {
  const lane = new DiskLane(new FileThreads());
  void lane.run('/nfs/limits.yaml', async () => await new Promise(() => undefined)).catch(() => undefined);
  return lane;
}
const newcomer = [principal('newcomer', ['auditor'])];
const successor = [principal('successor', ['operator'])];
const namesIn = ({ principals }: InForce): readonly string[] => principals.map(({ name }) => name);

it('certificates that cannot be renewed are told as such: the keys are loaded all the same', async () => {
  const { folder, write, tls, inForce, said, observed, reloading } = await loaded(() => {
    throw new Error('no');
  });
  writeGateFiles(folder.path, { config: { tls, principals: successor } });
  await reloading.reload();
  expect(namesIn(inForce)).toEqual(['successor']);
  expect(said()).toEqual([
    [30, expect.stringMatching(/^loaded again: the principals/)],
    [50, expect.stringMatching(/^the certificates could not be renewed/)],
  ]);
  expect(observed).toEqual([false]);
  write('interlock.yaml', '');
  await reloading.reload();
  expect(observed).toEqual([false, false]);
  await folder.remove();
});

it.each<[string, (write: (name: string, text: string) => void) => void]>([
  ['is over', write => write('gate.crt', selfSigned('gate.example', { to: 2021 }).cert)],
  ['came before its key', write => write('gate.crt', selfSigned('gate.example').cert)],
  ['is half written', write => write('gate.crt', '-----BEGIN CERTIFICATE-----\nMIIB')],
])('a certificate that %s keeps no stolen key good: the rest is loaded', async (_, spoil) => {
  let renewals = 0;
  const on = await loaded(() => void (renewals += 1));
  const before = on.inForce.config.tls;
  spoil(on.write);
  writeGateFiles(on.folder.path, { config: { tls: on.tls, principals: successor } });
  await on.reloading.reload();
  expect(namesIn(on.inForce)).toEqual(['successor']);
  expect(on.said().at(-1)).toEqual([50, expect.stringMatching(/^the certificates could not be renewed/)]);
  expect([on.observed, renewals]).toEqual([[false], 0]);
  expect(on.inForce.config.tls).toEqual(before);
  // How they are named is the configuration's, and as it must be.
  writeGateFiles(on.folder.path, { config: { tls: { ...on.tls, odd: 1 } } });
  await on.reloading.reload();
  expect(namesIn(on.inForce)).toEqual(['successor']);
  expect(on.said().at(-1)).toEqual([50, expect.stringMatching(/^nothing was loaded/)]);
  const { cert, key } = selfSigned('gate.example');
  on.write('gate.crt', cert);
  on.write('gate.key', key);
  writeGateFiles(on.folder.path, { config: { tls: on.tls, principals: successor } });
  await on.reloading.reload();
  expect([on.observed.at(-1), renewals]).toEqual([true, 1]);
  expect(on.inForce.config.tls?.pem.cert).toBe(cert);
  await on.folder.remove();
});

it('a key that is of a principal with another name is warned of: to the gate that is somebody else', async () => {
  const on = await loaded(() => undefined);
  const load = async (...principals: readonly Doc[]): Promise<void> => {
    writeGateFiles(on.folder.path, { config: { tls: on.tls, principals } });
    await on.reloading.reload();
  };
  const warned = () => on.said().filter(([, message]) => message.startsWith('a key is of a principal'));
  const bot = { ...principal('bot', ['auditor']), keys: [`sha256:${'a'.repeat(64)}`] };
  await load(bot);
  await load(bot, principal('newcomer', ['auditor']));
  expect(warned()).toEqual([]);
  await load({ ...bot, name: 'robot' });
  expect(warned()).toEqual([[40, expect.stringContaining('is done again')]]);
  // Also where a reload that failed has taken it out first.
  writeGateFiles(on.folder.path, {
    config: { tls: on.tls, principals: [...newcomer, { ...bot, name: 'third' }] },
    limitsText: 'actions: [',
  });
  await on.reloading.reload();
  expect(namesIn(on.inForce)).toEqual([]);
  await load(...newcomer, { ...bot, name: 'third' });
  expect(warned()).toHaveLength(2);
  await on.folder.remove();
});

it.each<[string, Doc, readonly string[]]>([
  ['whose bundle cannot be loaded', { policies: './nowhere' }, ['kept', 'replaced', 'less']],
  ['whose limits cannot be read', { limits: './nowhere.yaml' }, ['kept', 'replaced', 'less']],
  ['whose other files are on a disk that hangs', {}, ['kept', 'replaced', 'less']],
  [
    'of another gate',
    { listen: '127.0.0.1:1', policies: './nowhere' },
    ['kept', 'replaced', 'less', 'stolen'],
  ],
])('a reload %s takes keys out, and replaces those of who is otherwise the same', async (_, wrong, names) => {
  const disks = { own: new DiskLane(new FileThreads()), others: new DiskLane(new FileThreads(), 1_000) };
  const on = await loaded(() => undefined, disks);
  const load = async (config: Doc, principals: readonly Doc[]): Promise<void> => {
    writeGateFiles(on.folder.path, { config: { tls: on.tls, ...config, principals } });
    await on.reloading.reload();
  };
  const key = (digit: string): string => `sha256:${digit.repeat(64)}`;
  const kept = { ...principal('kept', ['auditor']), keys: [key('a'), key('b')] };
  const replaced = { ...principal('replaced', ['operator']), keys: [key('c')] };
  const less = { ...principal('less', ['auditor', 'operator']), keys: [key('9')] };
  await load({}, [kept, replaced, less, { ...principal('stolen', ['auditor']), keys: [key('d')] }]);
  const others = [
    { ...kept, keys: [key('b')], roles: ['operator'] },
    { ...replaced, keys: [key('e')] },
    { ...less, keys: [key('8')], roles: ['auditor'] },
  ];
  if (Object.keys(wrong).length === 0)
    void disks.others.run('a disk', async () => await new Promise(() => undefined)).catch(() => undefined);
  await load(wrong, [...others, ...newcomer]);
  expect(namesIn(on.inForce)).toEqual(names);
  const isWithdrawn = names.length === 3;
  expect(on.inForce.principals.map(({ keys, roles }) => [keys, [...roles]])).toEqual(
    isWithdrawn
      ? [
          [[key('b')], ['auditor']],
          [[key('e')], ['operator']],
          [[], ['auditor', 'operator']],
        ]
      : [
          [kept.keys, ['auditor']],
          [replaced.keys, ['operator']],
          [less.keys, ['auditor', 'operator']],
          [[key('d')], ['auditor']],
        ],
  );
  expect(on.said().at(-1)).toEqual([
    50,
    expect.stringMatching(isWithdrawn ? /^nothing was loaded but that keys/ : /^nothing was loaded, and/),
  ]);
  expect(on.observed.at(-1)).toBe(false);
  await on.folder.remove();
});

it('a gate that ends waits for no disk: a reload that does is given up', async () => {
  const disks = { own: new DiskLane(new FileThreads()), others: hanging() };
  const on = await loaded(() => undefined, disks);
  const underWay = on.reloading.reload();
  // The configuration's own file is read first: then all waits for the others.
  await disks.own.run('a file', async () => await Promise.resolve());
  await on.reloading.end();
  await underWay;
  expect(on.said()).toEqual([[50, expect.stringMatching(/^nothing was loaded, and/)]]);
  await on.reloading.reload();
  expect(on.said()).toHaveLength(1);
  await on.folder.remove();
});

const keyOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
const withKey = (name: string, role: string, digit: string): Doc => ({
  ...principal(name, [role]),
  keys: [keyOf(digit)],
});

it('a stolen key waits for no reload before it, and comes back with none that read its files before', async () => {
  const threads = new FileThreads();
  const disks = { own: new DiskLane(threads), others: new DiskLane(threads) };
  const on = await loaded(() => undefined, disks);
  const write = (...principals: readonly Doc[]): void =>
    writeGateFiles(on.folder.path, { config: { tls: on.tls, principals } });
  const op = withKey('op', 'operator', 'a');
  write(op, withKey('thief', 'auditor', 'b'));
  await on.reloading.reload();
  let answer = (): void => undefined;
  const other = disks.others.run(
    'a disk',
    async () => await new Promise<void>(resolve => (answer = resolve)),
  );
  write(op, withKey('thief', 'auditor', 'b'), ...newcomer);
  const first = on.reloading.reload();
  await disks.own.run('a file', async () => await Promise.resolve());
  const readFirst = readConfig(on.inForce.config.file);
  write(op, ...newcomer);
  const second = on.reloading.reload();
  await expect.poll(() => namesIn(on.inForce)).toEqual(['op']);
  // As of a reload that waited for the database.
  on.inForce.change({ config: readFirst, loaded: on.inForce.loaded });
  expect(namesIn(on.inForce)).toEqual(['op', 'newcomer']);
  expect(on.said().filter(([, message]) => message.startsWith('loaded again'))).toHaveLength(1);
  answer();
  await Promise.all([other, first, second]);
  expect(namesIn(on.inForce)).toEqual(['op', 'newcomer']);
  await on.folder.remove();
});

it.each<[string, Doc]>([
  ['by another', withKey('op2', 'operator', 'b')],
  ['by another name with the same key', withKey('duty', 'operator', 'a')],
  ['by one who saw only, and no more', withKey('auditor', 'operator', 'c')],
])(
  'the only operator that is replaced %s while the limits are broken leaves one who may stop',
  async (_, op2) => {
    const on = await loaded(() => undefined);
    const load = async (principals: readonly Doc[], limitsText?: string): Promise<void> => {
      writeGateFiles(on.folder.path, {
        config: { tls: on.tls, principals },
        ...(limitsText !== undefined && { limitsText }),
      });
      await on.reloading.reload();
    };
    const standing = () => on.inForce.principals.map(({ name, keys, roles }) => [name, ...keys, ...roles]);
    const op = withKey('op', 'operator', 'a');
    const auditor = withKey('auditor', 'auditor', 'c');
    const others = [auditor].filter(({ name }) => name !== op2['name']);
    const before = [
      ['op', keyOf('a'), 'operator'],
      ['auditor', keyOf('c'), 'auditor'],
    ];
    await load([op, auditor]);
    await load([...others, op2, withKey('bot', 'auditor', 'd')], 'actions: [');
    const now = [
      ...before.slice(1).filter(([name]) => name !== op2['name']),
      [op2['name'], ...textsOf(op2['keys']), 'operator'],
    ];
    expect(standing()).toEqual(now);
    expect(on.said()).toContainEqual([
      50,
      expect.stringMatching(/^nothing was loaded but .* of operators where none was left/),
    ]);
    await load([op, auditor], 'actions: [');
    expect(standing()).toEqual(before);
    expect(on.said()).toContainEqual([50, expect.stringMatching(/^nothing was loaded, and/)]);
    await load([...others, op2]);
    expect(standing()).toEqual(now);
    await on.folder.remove();
  },
);

it('a configuration that leaves no operator is warned of, also where nothing of it is loaded but that keys are out', async () => {
  const on = await loaded(() => undefined);
  const load = async (principals: readonly Doc[], limitsText?: string): Promise<number> => {
    writeGateFiles(on.folder.path, {
      config: { tls: on.tls, principals },
      ...(limitsText !== undefined && { limitsText }),
    });
    const before = on.said().length;
    await on.reloading.reload();
    const warned = on.said().slice(before);
    return warned.filter(([, message]) => message.startsWith('no principal is an operator')).length;
  };
  const auditor = withKey('auditor', 'auditor', 'c');
  const op = withKey('op', 'operator', 'a');
  expect(await load([op, auditor])).toBe(0);
  expect(await load([auditor], 'actions: [')).toBe(1);
  expect(await load([op, auditor])).toBe(0);
  expect(await load([auditor])).toBe(1);
  await on.folder.remove();
});
