import { z } from 'zod';
import type { DiskLane } from '../kit/disk-lane.ts';
import { asError, Fault } from '../kit/fault.ts';
import { shippedChecks } from '../kit/check-rules.ts';
import { isBuiltinRule } from '../kit/rules.ts';
import { isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { isFetched, readBundleFiles, type BundleFiles } from './bundle-files.ts';
import { meter } from './meter.ts';
import { readManifests, type CheckManifest } from './manifest.ts';

/** The one document of a bundle that the gate asks. */
export const ENTRYPOINT = 'interlock/gate/decision';

/** A bundle that was read and verified, but not evaluated yet. */
export interface Bundle {
  /** From its `.manifest`. */
  readonly revision: string;
  /** SHA-256 of the bundle as it was read. */
  readonly digest: string;
  /** Counts its steps. */
  readonly module: WebAssembly.Module;
  /** What its checks are called, read and say; sorted by name. */
  readonly manifests: readonly CheckManifest[];
  /** Its own data, all of it under `interlock`, the manifests taken out: they are for the gate, not for policies. */
  readonly data: JsonObject;
}

const manifestFile = z.looseObject({
  revision: z.string().min(1),
  roots: z.tuple([z.literal('interlock')]),
  wasm: z.tuple([z.looseObject({ entrypoint: z.literal(ENTRYPOINT), module: z.literal('/policy.wasm') })]),
});

/**
 * Loads a bundle from a folder, a .tar.gz or an https URL, in memory.
 * @param disk for a gate, which must not wait for a disk that hangs
 * @throws Fault `policy.unavailable`; its cause says what is wrong
 */
export async function loadBundle(source: string, disk?: DiskLane): Promise<Bundle> {
  const read = async (): Promise<BundleFiles> => await readBundleFiles(source);
  try {
    // A server that is silent has a time-out of its own, and holds up no disk.
    return await readBundle(
      await (disk === undefined || isFetched(source) ? read() : disk.run(source, read)),
    );
  } catch (thrown) {
    throw new Fault('policy.unavailable', 'The policy bundle could not be loaded.', asError(thrown));
  }
}

/**
 * @param required checks that the bundle must have; fewer only where one is being built
 * @throws Error that says what is wrong with the bundle
 */
export async function readBundle(
  { files, digest }: BundleFiles,
  required: readonly string[] = shippedChecks,
): Promise<Bundle> {
  refuseOddFiles(files);
  const manifest = manifestFile.safeParse(readJson(files, '.manifest'));
  if (!manifest.success)
    throw new Error(`the bundle's .manifest is not as it must be: ${z.prettifyError(manifest.error)}`);
  const { manifests, data } = readData(readJson(files, 'data.json'), required);
  return {
    revision: manifest.data.revision,
    digest,
    module: await WebAssembly.compile(meter(fileOf(files, 'policy.wasm'))),
    manifests,
    data,
  };
}

/** Whatever could bring policy or data past `opa build` is no part of a bundle. */
function refuseOddFiles(files: BundleFiles['files']): void {
  const known = new Set(['.manifest', 'data.json', 'policy.wasm', '.signatures.json']);
  const odd = [...files.keys()].filter(name => !known.has(name) && !name.endsWith('.rego'));
  if (odd.length > 0)
    throw new Error(`the bundle holds ${odd.slice(0, 5).join(', ')}, which \`opa build\` does not put there`);
}

function fileOf(files: BundleFiles['files'], name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`the bundle has no ${name}`);
  return bytes;
}

function readJson(files: BundleFiles['files'], name: string): JsonObject {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(fileOf(files, name));
  // JSON.parse gives JSON, and it is looked at as such.
  const value = JSON.parse(text) as Json;
  if (!isJsonObject(value)) throw new Error(`${name} in the bundle is not a JSON object`);
  return value;
}

function readData(
  data: JsonObject,
  required: readonly string[],
): { manifests: readonly CheckManifest[]; data: JsonObject } {
  const outside = Object.keys(data).filter(key => key !== 'interlock');
  if (outside.length > 0)
    throw new Error(
      `the bundle brings data outside \`interlock\`: ${outside.join(', ')}. Limits come from the limits file only`,
    );
  const own = data['interlock'];
  if (!isJsonObject(own))
    throw new Error('the bundle brings no manifests of its checks (data.interlock.manifests)');
  // Data there would stand beside, or instead of, what the rules of that name say.
  const shadows = ['checks', 'gate', 'lib'].filter(key => Object.hasOwn(own, key));
  if (shadows.length > 0)
    throw new Error(`the bundle brings data at interlock.${shadows.join(', interlock.')}`);
  const { manifests: found, ...others } = own;
  if (!isJsonObject(found))
    throw new Error('the bundle brings no manifests of its checks (data.interlock.manifests)');
  const manifests = readManifests(found);
  const missing = required.filter(name => !manifests.some(manifest => manifest.name === name));
  if (missing.length > 0)
    throw new Error(
      `the bundle lacks the checks ${missing.join(', ')}: a bundle may add checks and change them, not leave one out`,
    );
  for (const { name, rules } of manifests)
    for (const rule of Object.keys(rules))
      if (isBuiltinRule(rule))
        throw new Error(`the check ${name} claims the rule ${rule}, which is the gate's own`);
  return { manifests, data: { interlock: others } };
}
