import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { sha256 } from '../kit/digest.ts';
import { asError } from '../kit/fault.ts';
import { readBundle, ENTRYPOINT } from './bundle.ts';
import { unpackArchive } from './bundle-files.ts';
import { createPolicy } from './create-policy.ts';
import { keptLimitsSchema, limitsFileSchema } from './limits-schema.ts';
import { readManifests, type CheckManifest } from './manifest.ts';
import { renderCheckRules, renderJson } from './render.ts';

/** The sources cannot be compiled, a test fails, or what is committed is not what they give: a sentence for people. */
export class PolicyBuildError extends Error {
  override readonly name = 'PolicyBuildError';
}

/** The compiler is not there, or is another one than the one pinned. */
export class OpaMissingError extends Error {
  override readonly name = 'OpaMissingError';
}

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

/** The pinned version of `opa` stands in this file of the folder, and nowhere else. */
const VERSION_FILE = 'opa-version';

type Opa = (args: readonly string[], cwd: string) => Promise<string>;

/**
 * Finds the compiler, on the PATH or where `go install` puts it.
 * @throws OpaMissingError when it is not there, or of another version than the one pinned
 */
export async function findOpa(folder: string): Promise<Opa> {
  const pinned = (await readFile(path.join(folder, VERSION_FILE), 'utf8')).trim();
  const install = `Install it with \`go install github.com/open-policy-agent/opa@v${pinned}\`.`;
  const found: string[] = [];
  for (const command of ['opa', path.join(homedir(), 'go', 'bin', 'opa')]) {
    const version = await versionOf(command);
    if (version === pinned) return async (args, cwd) => await run(command, args, cwd);
    if (version !== undefined) found.push(version);
  }
  throw new OpaMissingError(
    found.length === 0
      ? `The compiler \`opa\` ${pinned} is not there. ${install}`
      : `The compiler \`opa\` is ${found.join(' and ')}; policies are built with ${pinned}. ${install}`,
  );
}

async function versionOf(command: string): Promise<string | undefined> {
  const text = await promisify(execFile)(command, ['version']).then(({ stdout }) => stdout, () => '');
  return /^Version: (\S+)$/m.exec(text)?.[1];
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, [...args], { cwd, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (thrown) {
    const said = z.object({ stdout: z.string(), stderr: z.string() }).safeParse(thrown);
    const output = said.success ? `${said.data.stderr}${said.data.stdout}`.trim() : asError(thrown).message;
    throw new PolicyBuildError(`opa ${args[0]} failed:\n${output}`);
  }
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
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function stagePolicies(folder: string, root: string): Promise<Stage> {
  const stage = { bundle: path.join(root, 'bundle'), tests: path.join(root, 'tests'), schemas: path.join(root, 'schemas') };
  const sources = await listSources(folder);
  const rego = sources.filter(name => name.endsWith('.rego'));
  for (const name of rego) {
    await copyInto(folder, stage.tests, name);
    if (!name.endsWith('_test.rego')) await copyInto(folder, stage.bundle, name);
  }
  const manifests = await readSourceManifests(folder, rego);
  const revision = await digestOf(
    folder,
    sources.filter(name => !name.endsWith('_test.rego')),
  );
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

async function digestOf(folder: string, names: readonly string[]): Promise<string> {
  const list = await Promise.all(names.map(async name => `${name}\n${sha256(await readFile(path.join(folder, name)))}\n`));
  return sha256(list.join(''));
}

/** Each folder under checks/ is a check, with a manifest, Rego and tests of its name. */
async function readSourceManifests(folder: string, rego: readonly string[]): Promise<readonly CheckManifest[]> {
  const entries = await readdir(path.join(folder, 'checks'), { withFileTypes: true });
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
  const allowed = all.builtins.filter(({ name, nondeterministic }) => nondeterministic !== true && name !== 'sprintf');
  await writeInto(stage.schemas, '../capabilities.json', JSON.stringify({ ...all, builtins: allowed }));
  return path.join(stage.schemas, '..', 'capabilities.json');
}

async function checkSources(opa: Opa, stage: Stage): Promise<string> {
  await opa(['fmt', '--list', '--fail', '.'], stage.tests);
  const capabilities = await writeCapabilities(opa, stage);
  await opa(['check', '--strict', '--schema', stage.schemas, '--capabilities', capabilities, '.'], stage.tests);
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
  const { files } = coverage.parse(JSON.parse(await opa(['test', '--coverage', '--format', 'json', '.'], stage.tests)));
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
 * @throws PolicyBuildError, OpaMissingError
 */
export async function buildPolicies(folder: string): Promise<Built> {
  const opa = await findOpa(folder);
  return await withStage(folder, async stage => {
    const capabilities = await checkSources(opa, stage);
    await testSources(opa, stage);
    const archive = path.join(stage.schemas, '..', 'bundle.tar.gz');
    // Not optimised: `-O=1` made these policies three times slower.
    await opa(
      ['build', '-t', 'wasm', '-e', ENTRYPOINT, '--capabilities', capabilities, '-r', stage.revision, '-o', archive, '-b', '.'],
      stage.bundle,
    );
    const bundle = await readFile(archive);
    await proveLoads(bundle);
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
async function proveLoads(archive: Uint8Array): Promise<void> {
  try {
    const bundle = await readBundle(await unpackArchive(archive), []);
    createPolicy(bundle, { actions: {}, budgets: [], protected: [] });
  } catch (thrown) {
    const error = asError(thrown);
    throw new PolicyBuildError(`A gate would not load this bundle: ${asError(error.cause ?? error).message}`);
  }
}
