import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { sha256 } from '../../src/kit/digest.ts';
import { isJsonObject, type Json } from '../../src/kit/strict-json.ts';
import { revisionOf, testPolicies } from '../../src/policy/compile.ts';
import { keptLimitsSchema, limitsFileSchema } from '../../src/policy/limits-schema.ts';
import { readManifests } from '../../src/policy/manifest.ts';
import { findOpa, OpaMissingError } from '../../src/policy/opa.ts';
import { renderCheckRules, renderJson } from '../../src/policy/render.ts';
import { formatted } from '../support/formatted.ts';
import { facts, limits, policiesFolder, shippedArchive, shippedBundle } from './samples.ts';

const typesFile = fileURLToPath(new URL('../../src/kit/check-rules.ts', import.meta.url));
const textOf = async (name: string): Promise<string> =>
  await readFile(path.join(policiesFolder, name), 'utf8');
const jsonOf = async (name: string): Promise<object> => JSON.parse(await textOf(name)) as object;

/** These tests need no compiler: `interlock policy build --check` proves more, where there is one. */
describe('what is committed beside the policies', () => {
  it('is the digest of the bundle', async () => {
    const digest = sha256(await readFile(shippedArchive)).replace('sha256:', '');
    expect(await textOf('bundle.sha256')).toBe(`${digest}  bundle.tar.gz\n`);
  });

  it('is a bundle of these manifests and these sources', async () => {
    const names = (await readdir(path.join(policiesFolder, 'checks'))).toSorted();
    const read = async (name: string): Promise<[string, unknown]> => [
      name,
      parse(await textOf(`checks/${name}/manifest.yaml`)),
    ];
    const written = readManifests(Object.fromEntries(await Promise.all(names.map(read))));
    expect((await shippedBundle()).manifests).toEqual(written);
    expect((await shippedBundle()).revision).toBe(await revisionOf(policiesFolder));
  });

  it('are the types and the schema that the manifests give, formatted as everything is', async () => {
    const { manifests } = await shippedBundle();
    const types = renderCheckRules(manifests);
    expect(await readFile(typesFile, 'utf8')).toBe(types);
    expect(await formatted(typesFile, types)).toBe(types);
    const schema = renderJson(limitsFileSchema(manifests));
    expect(await textOf('limits.schema.json')).toBe(schema);
    expect(await formatted('limits.schema.json', schema)).toBe(schema);
  });
});

describe('the schema of the input', () => {
  it('holds for the facts of a request, and for nothing with another name or a fraction', async () => {
    const isInput = new Ajv({ strict: false }).compile(await jsonOf('schemas/input.json'));
    expect(isInput(facts), JSON.stringify(isInput.errors)).toBe(true);
    for (const odd of [
      {},
      { ...facts, extra: 1 },
      { ...facts, in_flight: 0.5 },
      { ...facts, fleet: { count: 0, total: 1 } },
    ])
      expect(isInput(odd)).toBe(false);
    for (const key of Object.keys(facts)) expect(isInput({ ...facts, [key]: null }), key).toBe(false);
  });
});

describe('the schema of the limits', () => {
  it('as policies see them holds for what they see', async () => {
    const { manifests } = await shippedBundle();
    const isKept = new Ajv({ strict: false }).compile(keptLimitsSchema(manifests));
    expect(isKept(limits), JSON.stringify(isKept.errors)).toBe(true);
    expect(isKept({ ...limits, thaws: [] })).toBe(false);
    expect(isKept({ ...limits, actions: { a: { max_targets: '40' } } })).toBe(false);
  });

  it('as people write them holds for a file, and says what every action must have', async () => {
    const isFile = new Ajv({ strict: false }).compile(await jsonOf('limits.schema.json'));
    const entry = {
      max_targets: 40,
      max_share: { fleet: '0.5%', rack: { share: '5%', at_least: 1 } },
      require: { state: ['decommissioning'] },
      windows: [{ per: 'fleet', over: '1h', max_targets: 100 }],
    };
    expect(isFile({ actions: { 'disk.wipe': entry } }), JSON.stringify(isFile.errors)).toBe(true);
    for (const key of Object.keys(entry)) {
      const { [key]: _, ...others }: Record<string, unknown> = entry;
      expect(isFile({ actions: { 'disk.wipe': others } }), key).toBe(false);
    }
    expect(isFile({ actions: { 'disk.wipe': { ...entry, windows: [] } } })).toBe(false);
    expect(isFile({ actions: { 'disk.wipe': { ...entry, extra: 1 } } })).toBe(false);
  });

  it('is read by nobody as more than JSON', async () => {
    const { manifests } = await shippedBundle();
    for (const { keys } of manifests)
      for (const { schema } of keys)
        expect(isJsonObject(JSON.parse(JSON.stringify(schema)) as Json)).toBe(true);
  });
});

it('a check whose folder is a link is not left out without a word', async () => {
  const { chmod, mkdir, mkdtemp, rm, symlink, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const folder = await mkdtemp(path.join(tmpdir(), 'interlock-linked-'));
  await mkdir(path.join(folder, 'checks'));
  await symlink(path.join(policiesFolder, 'checks', 'windows'), path.join(folder, 'checks', 'windows'));
  await writeFile(path.join(folder, 'opa-version'), '0.0.1\n');
  await writeFile(path.join(folder, 'opa'), '#!/bin/sh\necho Version: 0.0.1\n');
  await chmod(path.join(folder, 'opa'), 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env['PATH'] ?? ''}`);
  await expect(testPolicies(folder)).rejects.toThrow('checks/windows is a link');
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe('the compiler', () => {
  it('of another version than the one pinned is not used, and the sentence says how to get the right one', async () => {
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
    const { tmpdir } = await import('node:os');
    const folder = await mkdtemp(path.join(tmpdir(), 'interlock-opa-'));
    await writeFile(path.join(folder, 'opa-version'), '0.0.1\n');
    await expect(findOpa(folder)).rejects.toThrow(OpaMissingError);
    await expect(findOpa(folder)).rejects.toThrow('go install github.com/open-policy-agent/opa@v0.0.1');
    await rm(folder, { recursive: true, force: true });
  });
});
