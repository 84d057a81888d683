import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FileError } from '../../src/config/config.ts';
import { policyScope } from '../../src/config/policy-scope.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { configFolder, GOOD, keyHash, withChange } from './files.ts';

const files = configFolder();
const { read, problemsOf } = files;
afterAll(() => files.remove());

describe('a configuration is refused for', () => {
  mkdirSync(join(files.folder, 'folder'));

  test('an empty file', () => {
    expect(problemsOf('')).toContain('1: (top): is empty');
  });

  test('a list', () => {
    expect(problemsOf('[1]')).toContain('1: (top): must be a map');
  });

  test('a file that is not there, with its whole name and what to do, and no line that it does not have', () => {
    const file = join(files.folder, 'no.yaml');
    const what = 'there is no such file: name another with --config FILE or INTERLOCK_CONFIG';
    for (const named of [file, relative(process.cwd(), file)])
      expect(() => readConfig(named)).toThrow(`${file}: ${what}`);
  });

  test('a folder', () => {
    expect(() => readConfig(join(files.folder, 'folder'))).toThrow(FileError);
  });

  test('bytes that are not UTF-8', () => {
    const file = join(files.folder, 'latin1.yaml');
    writeFileSync(file, Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
    expect(() => readConfig(file)).toThrow(/not valid UTF-8/);
  });

  test('a hundred thousand brackets, without falling', () => {
    expect(problemsOf(`a: ${'['.repeat(100_000)}`).length).toBeGreaterThan(0);
  });

  test('aliases of aliases, before they are written out', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x]',
      ...'bcdefghij'.split('').map((name, index) => {
        const before = 'abcdefghij'.charAt(index);
        return `${name}: &${name} [${Array.from({ length: 8 }, () => `*${before}`).join(', ')}]`;
      }),
    ].join('\n');
    expect(problemsOf(bomb).join()).toContain('aliases are not taken');
  });

  test('everything that is wrong in it at once, by line', () => {
    const text = GOOD.replace('127.0.0.1:7070', '7070')
      .replace('store: ./store', 'stroe: ./store')
      .replace('./KILL', './nowhere/KILL')
      .replace('24h', '24')
      .replace('[quarantined_at]', '[rack]')
      .replace('    kind: host\n    irreversible: true', '    kind: hots\n    irreversible: 1')
      .replace('concurrency: 2', 'concurrency: 0')
      .replace('roles: [requester]', 'roles: [requester, operator, king]')
      .replace(keyHash('d'), keyHash('a'));
    expect(problemsOf(text).map(problem => problem.split(': ').slice(0, 2).join(': '))).toEqual([
      '1: listen',
      '2: stroe',
      '4: kill_file',
      '11: kinds.host.optional[0]',
      '12: kinds.host.max_age',
      '17: actions.disk.wipe.kind',
      '18: actions.disk.wipe.irreversible',
      '20: actions.disk.wipe.executor.concurrency',
      '30: principals[0].roles[2]',
      '30: principals[0].roles',
      '32: principals[2].keys[0]',
    ]);
  });
});

describe('a configuration that is right', () => {
  test('is read whole, with paths beside the file and numbers in their units', () => {
    const config = read(GOOD);
    expect(config).toMatchObject({
      file: join(files.folder, 'interlock.yaml'),
      listen: { host: '127.0.0.1', port: 7070 },
      store: { type: 'embedded', folder: join(files.folder, 'store') },
      limitsFile: join(files.folder, 'limits.yaml'),
      killFile: join(files.folder, 'KILL'),
      checkpoints: join(files.folder, 'checkpoints.ndjson'),
    });
    expect(config.policies).toMatch(/policies\/bundle\.tar\.gz$/);
    expect(config.kinds.get('host')).toEqual({
      name: 'host',
      dimensions: ['region', 'zone', 'rack', 'role'],
      state: { label: 'state', inService: ['serving', 'draining'] },
      labels: ['owner'],
      optional: ['quarantined_at'],
      maxAgeMs: 86_400_000,
      maxShrinkPpm: 100_000,
      maxChangePpm: 5_000,
    });
    expect(config.actions.get('disk.wipe')).toEqual({
      name: 'disk.wipe',
      kind: 'host',
      irreversible: true,
      parameters: {
        type: 'object',
        properties: { passes: { type: 'integer' } },
        additionalProperties: false,
      },
      executor: {
        url: new URL('http://127.0.0.1:9000/wipe'),
        timeoutMs: 30_000,
        concurrency: 2,
        validForMs: 300_000,
        idempotent: false,
        bearerFile: join(files.folder, 'wipe.key'),
      },
    });
    expect(config.actions.get('machine.reboot')).toMatchObject({
      irreversible: false,
      executor: { idempotent: true },
    });
    expect(config.principals[1]).toEqual({
      name: 'wiper',
      keys: [keyHash('b'), keyHash('c')],
      roles: new Set(['executor']),
      actions: new Set(['disk.wipe']),
    });
  });

  test('may leave out what has a safe default, and nothing that guards', () => {
    const config = read(GOOD.slice(GOOD.indexOf('kinds:')).replace(/ {4}(state|labels|optional): .*\n/g, ''));
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 7070 },
      store: { type: 'embedded', folder: join(files.folder, '.interlock') },
      limitsFile: join(files.folder, 'limits.yaml'),
      killFile: join(files.folder, 'KILL'),
      checkpoints: join(files.folder, 'checkpoints.ndjson'),
    });
    expect(config.kinds.get('host')).toMatchObject({ labels: [], optional: [] });
    expect(config.kinds.get('host')).not.toHaveProperty('weights');
    expect(config.kinds.get('host')).not.toHaveProperty('state');
  });

  test.each([
    ['"[::1]:7070"', { host: '::1', port: 7070 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['127.8.0.1:65535', { host: '127.8.0.1', port: 65_535 }],
  ])('may listen on %s', (listen, expected) => {
    expect(read(withChange('127.0.0.1:7070', listen)).listen).toEqual(expected);
  });

  test.each([
    'postgres://user@host/name',
    'postgresql://u:p@h:5432/n?sslmode=require',
    'postgres:///n?host=/run/postgresql',
    'postgres://u@h/n?uselibpqcompat=true&sslmode=verify-ca&sslrootcert=/etc/hosts',
    'postgres://u@h/n?application_name=x&connect_timeout=10&keepalives=1&keepalives_idle=5',
    'postgres://u@h/n?sslmode=require&channel_binding=prefer&target_session_attrs=read-write',
    'postgres://u@h/n?options=-c%20work_mem%3D8MB&ssl=no-verify',
  ])('may be stored in %s', store => {
    expect(read(withChange('./store', store)).store).toEqual({ type: 'server', url: store });
  });

  test.each(['./u@h/x', './postgres:x', '../store', '/var/lib/inter:lock@1', 'store'])(
    'may be stored in the folder %s',
    store => {
      const folder = resolve(files.folder, store);
      expect(read(withChange('./store', store)).store).toEqual({ type: 'embedded', folder });
    },
  );

  test('takes policies from a folder beside it, or by https', () => {
    expect(read(withChange('store: ./store', 'policies: ./p')).policies).toBe(join(files.folder, 'p'));
    const remote = 'https://policies.example.com/bundle.tar.gz';
    expect(read(withChange('store: ./store', `policies: ${remote}`)).policies).toBe(remote);
  });

  test('keeps keys in lower case, however they were written', () => {
    const text = withChange(keyHash('d'), `SHA256:${'D'.repeat(64)}`);
    expect(read(text).principals[2]?.keys).toEqual([keyHash('d')]);
  });

  test('may count the state among the dimensions', () => {
    expect(problemsOf(withChange('rack, role]', 'rack, role, state]'))).toEqual([]);
  });
});

describe('the scope of the policy revision', () => {
  test('does not hold addresses and key files of executors', () => {
    const scope = JSON.stringify(policyScope(read(GOOD)));
    const moved = GOOD.replace('127.0.0.1:9000', '10.0.0.1:9999')
      .replace(', bearer_file: ./wipe.key', '')
      .replace('7070', '7071');
    expect(JSON.stringify(policyScope(read(moved)))).toBe(scope);
    expect(scope).not.toMatch(/127\.0\.0\.1|wipe\.key|example\.com/);
  });

  test.each([
    ['irreversible: true', 'irreversible: false'],
    ['type: integer', 'type: number'],
    ['timeout: 30s', 'timeout: 31s'],
    ['concurrency: 2', 'concurrency: 3'],
    ['valid_for: 5m, b', 'valid_for: 6m, b'],
    ['idempotent: true', 'idempotent: false'],
    ['[region, zone,', '[zone, region,'],
    ['[serving, draining]', '[serving]'],
    ['label: state', 'label: mood'],
    ['[owner]', '[owner, team]'],
    ['[quarantined_at]', '[]'],
    ['max_age: 24h', 'max_age: 25h'],
    ['max_shrink: 10%', 'max_shrink: 11%'],
    ['max_change: 0.5%', 'max_change: 0.6%'],
    ['machine.reboot:', 'machine.restart:'],
  ])('changes with %s', (from, to) => {
    const scope = JSON.stringify(policyScope(read(GOOD)));
    const changed = withChange(from, to).replace('disk.wipe, machine.reboot', 'disk.wipe');
    expect(JSON.stringify(policyScope(read(changed)))).not.toBe(scope);
  });
});
