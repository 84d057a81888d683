import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shippedChecks } from '../../src/kit/check-rules.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { Fault } from '../../src/kit/fault.ts';
import type { BundleFiles } from '../../src/policy/bundle-files.ts';
import { loadBundle, readBundle } from '../../src/policy/bundle.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import { archiveWith, entry, limits, readShipped, shippedArchive } from './samples.ts';

let folder = '';
let shipped: BundleFiles;
/** data.json of the bundle that ships. */
let data: { interlock: { manifests: Record<string, object> } };

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'interlock-bundle-'));
  shipped = await readShipped();
  // The test's own bundle, whose form the loader holds.
  data = JSON.parse(textOf('data.json')) as typeof data;
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const textOf = (name: string): string => new TextDecoder().decode(shipped.files.get(name));

/** The fault of loading a source, and what its cause says. */
async function refusalOf(source: string): Promise<string> {
  try {
    await loadBundle(source);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.cause instanceof Error)
      return `${thrown.rule}: ${thrown.cause.message}`;
    throw thrown;
  }
  return 'it was loaded';
}

async function refusalOfArchive(changes: Parameters<typeof archiveWith>[1]): Promise<string> {
  const file = path.join(folder, 'changed.tar.gz');
  await writeFile(file, await archiveWith(shipped, changes));
  return await refusalOf(file);
}

const manifestWith = (changes: object): string =>
  JSON.stringify({ ...(JSON.parse(textOf('.manifest')) as object), ...changes });

describe('a bundle is refused', () => {
  it('when it is not there', async () => {
    expect(await refusalOf(path.join(folder, 'nowhere'))).toContain('policy.unavailable');
  });

  it('when it is empty, cut off, or no archive', async () => {
    const file = path.join(folder, 'odd.tar.gz');
    const whole = await archiveWith(shipped, {});
    for (const bytes of [
      new Uint8Array(),
      whole.subarray(0, whole.length / 2),
      new Uint8Array(100),
      gzipSync('text'),
    ]) {
      await writeFile(file, bytes);
      expect(await refusalOf(file)).toContain('policy.unavailable');
    }
  });

  it('when it unpacks to more than a bundle has', async () => {
    const file = path.join(folder, 'bomb.tar.gz');
    await writeFile(file, gzipSync(new Uint8Array(80 * 1024 * 1024)));
    expect(await refusalOf(file)).toContain('policy.unavailable');
  });

  it('when a file is in it twice', async () => {
    const header = { name: '/data.json', size: 2, type: 'file' as const };
    const file = path.join(folder, 'twice.tar.gz');
    await writeFile(
      file,
      gzipSync(
        await packTar([
          { header, body: '{}' },
          { header, body: '{}' },
        ]),
      ),
    );
    expect(await refusalOf(file)).toContain('twice');
  });

  it('when it holds a link', async () => {
    const header = { name: '/policy.wasm', size: 0, type: 'symlink' as const, linkname: '/etc/passwd' };
    const file = path.join(folder, 'link.tar.gz');
    await writeFile(file, gzipSync(await packTar([{ header }])));
    expect(await refusalOf(file)).toContain('no plain file');
  });

  it.each(['.manifest', 'data.json', 'policy.wasm'])('without %s', async name => {
    expect(await refusalOfArchive({ [name]: undefined })).toContain(`the bundle has no ${name}`);
  });

  it('with a policy that is no WASM', async () => {
    expect(await refusalOfArchive({ 'policy.wasm': 'text' })).toContain('policy.unavailable');
  });

  it('with a second policy, or data that `opa build` did not put together', async () => {
    for (const name of ['other.wasm', 'interlock/policy.wasm', 'limits/data.json', 'data.yaml'])
      expect(await refusalOfArchive({ [name]: '{}' })).toContain(name);
  });

  it('with other roots, without a revision, or with another entrypoint', async () => {
    for (const changes of [
      { roots: [''] },
      { roots: ['interlock', 'limits'] },
      { roots: [] },
      { revision: '' },
      { revision: null },
      { wasm: [] },
      { wasm: [{ entrypoint: 'interlock/other', module: '/policy.wasm' }] },
      { wasm: [{ entrypoint: 'interlock/gate/decision', module: '/other.wasm' }] },
    ])
      expect(await refusalOfArchive({ '.manifest': manifestWith(changes) })).toContain('.manifest');
  });

  it('with limits of its own', async () => {
    const own = JSON.stringify({ ...data, limits: { actions: {} } });
    expect(await refusalOfArchive({ 'data.json': own })).toContain('outside `interlock`: limits');
  });

  it('with data where its rules are', async () => {
    for (const place of ['checks', 'gate', 'lib']) {
      const own = JSON.stringify({ interlock: { ...data.interlock, [place]: { forged: { ok: true } } } });
      expect(await refusalOfArchive({ 'data.json': own })).toContain(`interlock.${place}`);
    }
  });

  it('without manifests', async () => {
    for (const own of [
      {},
      { interlock: {} },
      { interlock: { manifests: {} } },
      { interlock: { manifests: [] } },
    ])
      expect(await refusalOfArchive({ 'data.json': JSON.stringify(own) })).toContain('policy.unavailable');
  });

  it.each(shippedChecks)('without the check %s', async name => {
    const { [name]: _, ...others } = data.interlock.manifests;
    const own = JSON.stringify({ interlock: { manifests: others } });
    expect(await refusalOfArchive({ 'data.json': own })).toContain(`lacks the checks ${name}`);
  });

  it.each(shippedChecks)('when the check %s is in the policy only, or in the manifests only', async name => {
    const { [name]: _, ...others } = data.interlock.manifests;
    const files = new Map(shipped.files);
    files.set('data.json', new TextEncoder().encode(JSON.stringify({ interlock: { manifests: others } })));
    const unlisted = await readBundle({ files, digest: '' }, []);
    expect(() => createPolicy(unlisted, limits)).toThrow(Fault);
    const ghost = {
      ...data.interlock.manifests[name],
      name: 'ghost',
      keys: [],
      rules: { 'ghost.rule': rule },
    };
    const listed = { interlock: { manifests: { ...data.interlock.manifests, ghost } } };
    files.set('data.json', new TextEncoder().encode(JSON.stringify(listed)));
    const absent = await readBundle({ files, digest: '' });
    expect(() => createPolicy(absent, limits)).toThrow(Fault);
  });

  it('with a manifest that says what nobody reads, or templates that cannot be filled', async () => {
    const [name] = shippedChecks;
    const key = (changes: object) => ({
      ...{ key: 'max_targets', on: 'action', required: false, schema: { $ref: '#/$defs/count' } },
      ...changes,
    });
    const loose = (changes: object) => key({ loosen: 'more', ...changes });
    const cases: readonly (readonly [changes: object, says: string])[] = [
      [{ extra: 1 }, 'is not one'],
      [{ name: 'other' }, `the manifest of ${name} gives its name as other`],
      [{ keys: [key({ schema: { $ref: '#/$defs/float' } })] }, 'is not one'],
      [{ keys: [key({ schema: { type: 'number' } })] }, 'is not one'],
      [{ keys: [loose({}), loose({ key: 'max_of_all' })] }, 'lets more be loosened than one key'],
      [{ keys: [loose({ on: 'top' })] }, 'lets more be loosened than one key'],
      [{ rules: { 'a.b': { ...rule, sentences: { no: 'a brace { alone' } } } }, ''],
      [{ rules: { 'a.b': { ...rule, sentences: { no: '{limit|euros}' } } } }, ''],
      [{ rules: { 'kill_switch.engaged': rule } }, 'kill_switch.engaged'],
      [{ rules: { 'budget.window': rule } }, 'budget.window'],
      [{ rules: {} }, ''],
      ...['like', 'constructor'].map(
        word => [{ keys: [key({ key: word })] }, `claims the key ${word}`] as const,
      ),
    ];
    for (const [changes, says] of cases) {
      const manifest = { ...data.interlock.manifests[name ?? ''], ...changes };
      const own = { interlock: { manifests: { ...data.interlock.manifests, [name ?? '']: manifest } } };
      const refusal = await refusalOfArchive({ 'data.json': JSON.stringify(own) });
      expect(refusal).toContain('policy.unavailable');
      expect(refusal).toContain(says);
    }
  });

  it('when a rule whose end the gate cannot tell is answered 429, which carries Retry-After', async () => {
    const load = async (own: string, status: number) => {
      const manifest = { ...data.interlock.manifests['max_targets'], rules: { [own]: { ...rule, status } } };
      const changed = { interlock: { manifests: { ...data.interlock.manifests, max_targets: manifest } } };
      return await refusalOfArchive({ 'data.json': JSON.stringify(changed) });
    };
    expect(await load('power.budget', 429)).toContain('answers power.budget with 429');
    expect(await load('blast_radius.max_targets', 429)).toContain('with 429');
    expect(await load('power.budget', 409)).toBe('it was loaded');
  });

  it('when it is the folder that one is built from, which says what to name instead', async () => {
    const sources = fileURLToPath(new URL('../../policies', import.meta.url));
    expect(await refusalOf(sources)).toBe(
      `policy.unavailable: this folder is what a bundle is built from: name the bundle itself, ${sources}/bundle.tar.gz, which \`interlock policy build\` puts there`,
    );
  });

  it('from an address that is not https', async () => {
    for (const source of ['http://127.0.0.1:1/bundle.tar.gz', 'file:///etc/passwd', 'ftp://example.com/b'])
      expect(await refusalOf(source)).toContain('https only');
  });
});

const rule = {
  status: 403,
  title: 'No',
  explain: 'No.',
  sentences: { no: 'No.' },
  remedies: { none: 'nothing' },
};

describe('a bundle is loaded', () => {
  it('from the archive that ships, by its digest and revision', async () => {
    const bundle = await loadBundle(shippedArchive);
    expect(bundle.digest).toBe(shipped.digest);
    expect(bundle.revision).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(bundle.manifests.map(({ name }) => name)).toEqual(shippedChecks);
    expect(bundle.data).toEqual({ interlock: {} });
  });

  it('from a folder, also one of links as a mounted volume has them', async () => {
    const plain = path.join(folder, 'plain');
    const mounted = path.join(folder, 'mounted');
    for (const [name, bytes] of shipped.files) {
      await mkdir(path.dirname(path.join(plain, name)), { recursive: true });
      await writeFile(path.join(plain, name), bytes);
    }
    await mkdir(mounted);
    await symlink(plain, path.join(mounted, '..data'));
    for (const name of ['.manifest', 'data.json', 'policy.wasm'])
      await symlink(path.join('..data', name), path.join(mounted, name));
    const [one, other] = [await loadBundle(plain), await loadBundle(mounted)];
    expect(one.revision).toBe(other.revision);
    expect(one.digest).toMatch(/^sha256:/);
    expect(one.digest).not.toBe(sha256(''));
    expect(createPolicy(one, limits).checks.map(({ name }) => name)).toEqual(shippedChecks);
  });

  it('with more checks than ship, or other words, and data of its own for its rules', async () => {
    const manifests = structuredClone(data.interlock.manifests);
    const own = JSON.stringify({ interlock: { manifests, tables: { one: 1 } } });
    const file = path.join(folder, 'own.tar.gz');
    await writeFile(file, await archiveWith(shipped, { 'data.json': own }));
    const bundle = await loadBundle(file);
    expect(bundle.data).toEqual({ interlock: { tables: { one: 1 } } });
  });
});

describe('a check is idle', () => {
  it('when it reads keys of which the limits in force use none', async () => {
    const bundle = await loadBundle(shippedArchive);
    const { max_targets, max_share, require, windows } = entry;
    const few = {
      actions: { 'disk.wipe': { max_targets, max_share, require, windows } },
      budgets: [],
      protected: [],
      freezes: [],
      exceptions: [],
    };
    const idle = createPolicy(bundle, few).checks.filter(check => check.idle);
    expect(idle.map(({ name }) => name)).toEqual([
      'effects',
      'exceptions',
      'freezes',
      'match',
      'max_in_flight',
      'max_per_value',
      'max_requests',
      'max_values',
      'max_weight',
      'min_remaining',
      'protected',
      'require_age',
      'require_evidence',
      'require_plan',
      'require_recent',
      'stages',
    ]);
    expect(createPolicy(bundle, limits).checks.some(check => check.idle)).toBe(false);
  });
});
