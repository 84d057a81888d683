import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { sha256 } from '../kit/digest.ts';
import { asError } from '../kit/fault.ts';
import { readBundle, ENTRYPOINT } from './bundle.ts';
import { unpackArchive } from './bundle-files.ts';
import { createPolicy } from './create-policy.ts';
import { keptLimitsSchema, limitsFileSchema } from './limits-schema.ts';
import { readManifests, type CheckManifest } from './manifest.ts';
import { findOpa, PolicyBuildError, type Opa } from './opa.ts';
import { renderCheckRules, renderJson } from './render.ts';

/** Everything that is made from a folder of policies. */
export interface Built {
  readonly bundle: Uint8Array;
  /** SHA-256 of the bundle, and its name. */
  readonly digestFile: string;
  /** src/kit/check-rules.ts. */
  readonly checkRules: string;
  /** JSON Schema of limits.yaml. */
  readonly limitsSchema: string;
  readonly revision: string;
}

/** A clean copy of what counts: nothing that lies about in the folder gets into a bundle. */
interface Stage {
  /** Rego without its tests, the manifests as data, `.manifest`. */
  readonly bundle: string;
  /** The tests, beside the same Rego. */
  readonly tests: string;
  readonly schemas: string;
  readonly manifests: readonly CheckManifest[];
  readonly revision: string;
}

async function withStage<T>(folder: string, work: (stage: Stage) => Promise<T>): Promise<T> {
  const root = await mkdtemp(path.join(tmpdir(), 'interlock-policies-'));
  try {
    return await work(await stagePolicies(folder, root));
  } catch (thrown) {
    // Of a file that is not there, or what a compiler says that is another one: no fault of ours.
    const error = asError(thrown);
    throw 'code' in error || error instanceof SyntaxError
      ? new PolicyBuildError(`${folder} cannot be built: ${error.message}`)
      : error;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function stagePolicies(folder: string, root: string): Promise<Stage> {
  const stage = {
    bundle: path.join(root, 'bundle'),
    tests: path.join(root, 'tests'),
    schemas: path.join(root, 'schemas'),
  };
  const sources = await listSources(folder);
  const rego = sources.filter(name => name.endsWith('.rego'));
  for (const name of rego) {
    await copyInto(folder, stage.tests, name);
    if (!name.endsWith('_test.rego')) await copyInto(folder, stage.bundle, name);
  }
  const manifests = await readSourceManifests(folder, rego);
  const revision = await revisionOf(folder);
  await writeInto(stage.bundle, '.manifest', JSON.stringify({ revision, roots: ['interlock'] }));
  await writeInto(
    stage.bundle,
    'interlock/manifests/data.json',
    JSON.stringify(Object.fromEntries(manifests.map(manifest => [manifest.name, manifest]))),
  );
  await copyInto(path.join(folder, 'schemas'), stage.schemas, 'input.json');
  await writeInto(stage.schemas, 'limits.json', JSON.stringify(keptLimitsSchema(manifests)));
  return { ...stage, manifests, revision };
}

/** Rego and manifests, sorted, so that the same sources give the same bytes. */
async function listSources(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .map(name => name.split(path.sep).join('/'))
    .filter(name => name.endsWith('.rego') || /^checks\/[^/]+\/manifest\.yaml$/.test(name))
    .toSorted();
}

async function copyInto(from: string, to: string, name: string): Promise<void> {
  await mkdir(path.dirname(path.join(to, name)), { recursive: true });
  await cp(path.join(from, name), path.join(to, name));
}

async function writeInto(to: string, name: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(to, name)), { recursive: true });
  await writeFile(path.join(to, name), text);
}

/** The revision of a bundle: the digest of what it is made from, tests aside. */
export async function revisionOf(folder: string): Promise<string> {
  const names = (await listSources(folder)).filter(name => !name.endsWith('_test.rego'));
  const list = await Promise.all(
    names.map(async name => `${name}\n${sha256(await readFile(path.join(folder, name)))}\n`),
  );
  return sha256(list.join(''));
}

/** Each folder under checks/ is a check, with a manifest, Rego and tests of its name. */
async function readSourceManifests(
  folder: string,
  rego: readonly string[],
): Promise<readonly CheckManifest[]> {
  const entries = await readdir(path.join(folder, 'checks'), { withFileTypes: true });
  const linked = entries.find(entry => entry.isSymbolicLink());
  // Nothing is read through a link: the check would be left out of the bundle, and its tests with it.
  if (linked !== undefined)
    throw new PolicyBuildError(`checks/${linked.name} is a link: put the folder itself there.`);
  const found: Record<string, unknown> = {};
  for (const { name } of entries.filter(entry => entry.isDirectory())) {
    for (const file of [`checks/${name}/${name}.rego`, `checks/${name}/${name}_test.rego`])
      if (!rego.includes(file)) throw new PolicyBuildError(`The check ${name} lacks ${file}.`);
    const file = `checks/${name}/manifest.yaml`;
    try {
      found[name] = parse(await readFile(path.join(folder, file), 'utf8'), { maxAliasCount: 0 });
    } catch (thrown) {
      throw new PolicyBuildError(`${file} cannot be read: ${asError(thrown).message}`);
    }
  }
  try {
    return readManifests(found);
  } catch (thrown) {
    throw new PolicyBuildError(asError(thrown).message);
  }
}

/** Built-ins whose answer hangs on more than the input, and the one that the gate's runtime gets wrong. */
async function writeCapabilities(opa: Opa, stage: Stage): Promise<string> {
  const known = z.looseObject({
    builtins: z.array(z.looseObject({ name: z.string(), nondeterministic: z.boolean().optional() })),
  });
  const all = known.parse(JSON.parse(await opa(['capabilities', '--current'], stage.bundle)));
  const allowed = all.builtins.filter(
    ({ name, nondeterministic }) => nondeterministic !== true && name !== 'sprintf',
  );
  await writeInto(stage.schemas, '../capabilities.json', JSON.stringify({ ...all, builtins: allowed }));
  return path.join(stage.schemas, '..', 'capabilities.json');
}

async function checkSources(opa: Opa, stage: Stage): Promise<string> {
  await opa(['fmt', '--list', '--fail', '.'], stage.tests);
  const capabilities = await writeCapabilities(opa, stage);
  await opa(
    ['check', '--strict', '--schema', stage.schemas, '--capabilities', capabilities, '.'],
    stage.tests,
  );
  return capabilities;
}

const coverage = z.object({
  files: z.record(
    z.string(),
    z.object({ not_covered: z.array(z.object({ start: z.object({ row: z.number() }) })).optional() }),
  ),
});

/** Tests alone, and then what they cover: every line of every rule. */
async function testSources(opa: Opa, stage: Stage): Promise<string> {
  const said = await opa(['test', '--fail-on-empty', '.'], stage.tests);
  const { files } = coverage.parse(
    JSON.parse(await opa(['test', '--coverage', '--format', 'json', '.'], stage.tests)),
  );
  const bare = Object.entries(files).flatMap(([file, { not_covered: ranges }]) =>
    file.endsWith('_test.rego') ? [] : (ranges ?? []).map(({ start }) => `${file}:${start.row}`),
  );
  if (bare.length > 0) throw new PolicyBuildError(`No test reaches these lines:\n${bare.join('\n')}`);
  return said.trim();
}

/**
 * Checks format and types, and runs the tests of a folder of policies, with coverage.
 * @returns what `opa test` says
 * @throws PolicyBuildError, OpaMissingError
 */
export async function testPolicies(folder: string): Promise<string> {
  const opa = await findOpa(folder);
  return await withStage(folder, async stage => {
    await checkSources(opa, stage);
    return await testSources(opa, stage);
  });
}

/**
 * Checks, tests and compiles a folder of policies, and loads the result as a gate would. The same sources give the same bytes.
 * @param required checks that a gate misses in a bundle without them; none for the folder that says which there are
 * @throws PolicyBuildError, OpaMissingError
 */
export async function buildPolicies(folder: string, required: readonly string[]): Promise<Built> {
  const opa = await findOpa(folder);
  return await withStage(folder, async stage => {
    const capabilities = await checkSources(opa, stage);
    await testSources(opa, stage);
    const archive = path.join(stage.schemas, '..', 'bundle.tar.gz');
    // Not optimised: `-O=1` made these policies three times slower.
    await opa(
      [
        'build',
        '-t',
        'wasm',
        '-e',
        ENTRYPOINT,
        '--capabilities',
        capabilities,
        '-r',
        stage.revision,
        '-o',
        archive,
        '-b',
        '.',
      ],
      stage.bundle,
    );
    const bundle = await readFile(archive);
    await proveLoads(bundle, required);
    return {
      bundle,
      digestFile: digestFileOf(bundle),
      checkRules: renderCheckRules(stage.manifests),
      limitsSchema: renderJson(limitsFileSchema(stage.manifests)),
      revision: stage.revision,
    };
  });
}

/** What `sha256sum -c` reads. */
export const digestFileOf = (bundle: Uint8Array): string =>
  `${sha256(bundle).replace('sha256:', '')}  bundle.tar.gz\n`;

/** A check that no gate would load is found here and not at a start. */
async function proveLoads(archive: Uint8Array, required: readonly string[]): Promise<void> {
  try {
    const bundle = await readBundle(await unpackArchive(archive), required);
    createPolicy(bundle, { actions: {}, budgets: [], protected: [], freezes: [], exceptions: [] });
  } catch (thrown) {
    const error = asError(thrown);
    throw new PolicyBuildError(`A gate would not load this bundle: ${asError(error.cause ?? error).message}`);
  }
}
