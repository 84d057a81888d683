import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import type { Action, Kind } from '../../src/config/config.ts';
import { unpackArchive, type BundleFiles } from '../../src/policy/bundle-files.ts';
import { readBundle, type Bundle } from '../../src/policy/bundle.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { CheckManifest } from '../../src/policy/manifest.ts';
import { meter } from '../../src/policy/meter.ts';
import type { ActionLimits, Limits } from '../../src/policy/limits.ts';

export const policiesFolder = fileURLToPath(new URL('../../policies', import.meta.url));
export const shippedArchive = fileURLToPath(new URL('../../policies/bundle.tar.gz', import.meta.url));
const fixtures = fileURLToPath(new URL('fixtures/', import.meta.url));

export const readShipped = async (): Promise<BundleFiles> =>
  await unpackArchive(await readFile(shippedArchive));
export const shippedBundle = async (): Promise<Bundle> => await readBundle(await readShipped());

/** Of the one check of the fixture `odd`. */
export const oddManifest: CheckManifest = {
  name: 'one',
  title: 'One',
  explain: 'The only check.',
  keys: [],
  rules: {
    'one.no': {
      status: 409,
      title: 'No',
      explain: 'No.',
      sentences: { no: 'No.' },
      remedies: { none: 'nothing' },
    },
  },
};

/** The WASM of test/policy/fixtures/NAME.tar.gz. */
export async function fixtureModule(name: 'odd' | 'clock'): Promise<WebAssembly.Module> {
  const { files } = await unpackArchive(await readFile(`${fixtures}${name}.tar.gz`));
  return await WebAssembly.compile(meter(files.get('policy.wasm') ?? new Uint8Array()));
}

/** A .tar.gz with some files changed; undefined takes one out. */
export async function archiveWith(
  base: BundleFiles,
  changes: Readonly<Record<string, string | Uint8Array | undefined>>,
): Promise<Uint8Array> {
  const files = new Map<string, string | Uint8Array>(base.files);
  for (const [name, content] of Object.entries(changes)) {
    if (content === undefined) files.delete(name);
    else files.set(name, content);
  }
  const entries = [...files].map(([name, content]) => {
    const body = typeof content === 'string' ? new TextEncoder().encode(content) : Uint8Array.from(content);
    return { header: { name: `/${name}`, size: body.byteLength, type: 'file' as const }, body };
  });
  return gzipSync(await packTar(entries));
}

export const host: Kind = {
  name: 'host',
  dimensions: ['region', 'rack'],
  state: { label: 'state', inService: ['serving'] },
  labels: ['owner'],
  optional: ['quarantined_at'],
  maxAgeMs: 86_400_000,
  maxShrinkPpm: 100_000,
  maxChangePpm: 200_000,
};

export const scope: Kind = { ...host, name: 'config-scope', dimensions: ['service'] };

export const actionOf = (name: string, kind: string): Action => ({
  name,
  kind,
  irreversible: false,
  executor: {
    url: new URL('http://127.0.0.1:1/'),
    timeoutMs: 1_000,
    concurrency: 1,
    validForMs: 60_000,
    idempotent: false,
  },
});

/** A request that `limits` allows: three hosts of two racks. */
export const facts = {
  action: 'disk.wipe',
  kind: 'host',
  principal: 'decom-bot',
  now_ms: 1_790_000_000_000,
  fleet: { count: 3, total: 1_200 },
  dimensions: {
    region: [{ value: 'eu', count: 3, total: 400, takes: 1, remaining: 390 }],
    rack: [
      { value: 'r1', count: 2, total: 40, takes: 1, remaining: 30 },
      { value: 'r2', count: 1, total: 40, takes: 0, remaining: 2 },
    ],
  },
  labels: {
    state: [{ value: 'decommissioning', count: 3 }],
    environment: [{ value: 'test', count: 3 }],
  },
  windows: [
    { source: 'action', index: 0, value: 'host', used: 10, count: 3, total: 1_200 },
    { source: 'action', index: 1, value: 'r1', used: 0, count: 2, total: 40 },
    { source: 'action', index: 1, value: 'r2', used: 0, count: 1, total: 40 },
    { source: 'action', index: 2, value: 'decom-bot', used: 1, count: 3, total: 1_200 },
    { source: 'action', index: 3, value: 'eu', used: 0, count: 3, total: 400 },
    { source: 'budget', index: 0, value: 'host', used: 5, count: 3, total: 1_200 },
  ],
  requests: [{ index: 0, value: 'decom-bot', used: 4 }],
  in_flight: 1,
  protected: [{ index: 0, count: 0 }],
  freezes: [{ index: 0, status: 'excepted' }],
  principal_labels: { environment: 'test' },
  times: {
    quarantined_at: {
      ...{ missing: 0, malformed: 0 },
      ...{ youngest_ms: 1_789_395_200_000, oldest_ms: 1_789_000_000_000 },
    },
    restored_at: {
      ...{ missing: 0, malformed: 0 },
      ...{ youngest_ms: 1_790_000_000_000, oldest_ms: 1_787_408_000_000 },
    },
  },
  effects: { records: { before: 1_000, after: 950 } },
  weights: {
    traffic: {
      ...{ missing: 0, weight: 5, total: 1_000, share_ppm: 5_000 },
      dimensions: { region: [{ value: 'eu', weight: 5, total: 500, share_ppm: 10_000 }] },
    },
  },
  artifact: 'sha256:v2',
  plan: { generation: 812, highest: 811 },
  evidence: [{ index: 0, value: 'decommissioning', count: 3, status: 'passed', at_ms: 1_789_999_900_000 }],
  stage: {
    run: 1,
    total: 1_200,
    reached: 4,
    opened: 12,
    reached_ever: 4,
    total_ever: 1_200,
    whole: 0,
    never: 0,
    unsettled: 1,
    again: 0,
    fresh: 0,
    barred: 0,
    values: { region: 1 },
    health: { status: 'none' },
  },
} as const satisfies Facts;

export const entry: ActionLimits = {
  max_targets: 40,
  max_share: { fleet: { share_ppm: 5_000, at_least: 0 }, rack: { share_ppm: 50_000, at_least: 0 } },
  max_values: { region: 1, rack: 2 },
  max_per_value: { region: 3, rack: 2 },
  min_remaining: { region: 3, rack: 3 },
  require: { state: ['decommissioning'] },
  windows: [
    { per: 'fleet', over_s: 3_600, max_targets: 100 },
    { per: 'rack', over_s: 86_400, max_share: { share_ppm: 50_000, at_least: 0 } },
    { per: 'principal', over_s: 3_600, max_targets: 60 },
    { per: 'region', over_s: 60, max_targets: 1_000 },
  ],
  max_requests: [{ per: 'principal', over_s: 60, max: 30 }],
  max_in_flight: 4,
  max_weight: {
    traffic: { fleet: { share_ppm: 10_000, at_least: 0 }, region: { share_ppm: 50_000, at_least: 0 } },
  },
  match: ['environment'],
  require_age: { quarantined_at: 604_800 },
  require_recent: { restored_at: 2_592_000 },
  effects: {
    records: {
      ...{ max_loss: { share_ppm: 50_000, at_least: 0 }, max_growth: { share_ppm: 60_000, at_least: 0 } },
      ...{ min_after: 900, rollback: 'required' },
    },
  },
  require_evidence: [{ name: 'canary', max_age_s: 3_600, per: 'state' }],
  require_plan: true,
  stages: [
    { upto: { share_ppm: 10_000, at_least: 1 }, max_values: { region: 1 }, bake_s: 1_800 },
    { upto: { share_ppm: 1_000_000, at_least: 0 } },
  ],
};

export const limits: Limits = {
  actions: { 'disk.wipe': entry },
  budgets: [{ kind: 'host', per: 'fleet', over_s: 86_400, max_share: { share_ppm: 30_000, at_least: 0 } }],
  protected: [{ kind: 'host', ids: ['bastion-01'] }],
  freezes: [
    { actions: ['disk.wipe'], from_ms: 1_790_000_000_000, reason: 'quarter end', except: ['decom-bot'] },
  ],
  exceptions: [
    {
      id: 'e1',
      action: 'disk.wipe',
      set: { max_targets: 100 },
      principal: 'decom-bot',
      owner: 'jo',
      ticket: 'DC-4711',
      until_ms: 1_790_000_000_001,
      max_targets: 300,
    },
    {
      id: 'e2',
      action: 'disk.wipe',
      set: { min_remaining: { region: 3, rack: 0 } },
      selector: { rack: ['r1', 'r2'] },
      owner: 'jo',
      ticket: 'DC-4712',
      until_ms: 1_790_000_000_001,
      max_targets: 80,
    },
  ],
};

export const withEntry = (changes: Partial<ActionLimits>): Limits => ({
  ...limits,
  actions: { 'disk.wipe': { ...entry, ...changes } },
});
