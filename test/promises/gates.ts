import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';

import type { Config, Kind, Principal } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/read-config.ts';
import type { Store } from '../../src/db/store.ts';
import { Gate } from '../../src/gate.ts';
import { InForce } from '../../src/in-force.ts';
import { canonicalJson } from '../../src/kit/canonical-json.ts';
import type { Clock } from '../../src/kit/clock.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import type { JsonObject } from '../../src/kit/strict-json.ts';
import { acceptClock } from '../../src/ledger/accept-clock.ts';
import { readPolicy, toLoaded } from '../../src/load-policy.ts';
import { createMetrics } from '../../src/metrics/create-metrics.ts';
import { principal, writeGateFiles, type Doc } from '../support/gate.ts';
import { quiet } from '../support/gate-parts.ts';
import type { ToldExecutor } from './told-executor.ts';

/* Whole gates of this process, all but HTTP, over one store: what is asked of them is what an operator writes and a client sends. */

export const ACTIONS = ['disk.wipe', 'host.reboot', 'config.push'] as const;
export type ActionName = (typeof ACTIONS)[number];

export const VALID_FOR_MS = 20_000;
export const MAX_AGE_MS = 60_000;
export const CONCURRENCY: Readonly<Record<ActionName, number>> = {
  'disk.wipe': 2,
  'host.reboot': 1,
  'config.push': 2,
};

const hostKind: Doc = {
  dimensions: ['region', 'rack'],
  state: { label: 'state', in_service: ['serving'] },
  labels: ['team'],
  optional: ['quarantined_at'],
  weights: ['traffic'],
  max_age: '60s',
  max_shrink: '100%',
  max_change: '100%',
};

const labelled = (name: string, team: string): Doc => ({
  ...principal(name, ['requester'], ACTIONS),
  labels: { team },
});

const principals: readonly Doc[] = [
  labelled('bot', 'core'),
  labelled('other-bot', 'edge'),
  { ...principal('watcher', ['requester', 'observer'], ACTIONS), labels: { team: 'core' } },
  principal('observer', ['observer']),
  principal('worker', ['executor'], ACTIONS),
  principal('oncall', ['operator']),
  principal('feed', ['inventory']),
];

/** Also with the kind declared otherwise, and others who bring it. */
export function writeFiles(
  folder: string,
  executor: ToldExecutor,
  limits: Doc,
  { kind = hostKind, feeds = [] }: { readonly kind?: Doc; readonly feeds?: readonly string[] } = {},
): void {
  const actionOf = (name: ActionName, more: Doc): Doc => ({
    ...more,
    executor: {
      url: executor.url,
      timeout: '30s',
      valid_for: '20s',
      concurrency: CONCURRENCY[name],
      idempotent: name === 'config.push',
    },
  });
  writeGateFiles(folder, {
    config: {
      kinds: { host: kind },
      actions: {
        'disk.wipe': actionOf('disk.wipe', { irreversible: true }),
        'host.reboot': actionOf('host.reboot', {}),
        'config.push': actionOf('config.push', {}),
      },
      principals: [
        // A kind that is declared otherwise has no teams.
        ...principals.map(one => (kind === hostKind ? one : { ...one, labels: undefined })),
        ...feeds.map(name => principal(name, ['inventory'])),
      ],
    },
    limits,
  });
}

export interface Answered {
  readonly status: number;
  readonly replayed: boolean;
  readonly document: {
    readonly id: string;
    readonly decision: string;
    readonly reasons: readonly { readonly rule: string }[];
    readonly exceptions?: readonly string[];
    readonly passes?: number;
    readonly blast_radius?: {
      readonly fleet?: {
        readonly weights?: Readonly<Record<string, { weight: number; total: number; missing?: number }>>;
      };
    };
  };
}

export class OneGate {
  readonly gate: Gate;
  readonly #config: Config;

  private constructor(gate: Gate, config: Config) {
    this.gate = gate;
    this.#config = config;
  }

  static async start(
    { folder, store, clock }: { readonly folder: string; readonly store: Store; readonly clock: Clock },
    gateId: string,
  ): Promise<OneGate> {
    const config = readConfig(join(folder, 'interlock.yaml'));
    const inForce = new InForce({ config, loaded: toLoaded(await readPolicy(config)) });
    const metrics = createMetrics({
      actions: new Set(),
      kinds: new Map(),
      version: '0.0.0',
      wallMs: () => clock.wallMs(),
    });
    const gate = new Gate({
      ...{ gateId, config, inForce, clock, metrics, logger: quiet },
      // As on a server: another gate may hold it too.
      store: { ...store, embedded: false },
      onFailedBatch: () => undefined,
      readFile: async file => await Promise.resolve(readFileSync(file, 'utf8')),
    });
    await gate.ledger.begin();
    await gate.activate({ again: true });
    return new OneGate(gate, config);
  }

  principal(name: string): Principal {
    const found = this.#config.principals.find(one => one.name === name);
    if (found === undefined) throw new Error(`nobody is called ${name}`);
    return found;
  }

  async ask(by: string, body: Doc, key: string): Promise<Answered> {
    const parsed = JSON.parse(JSON.stringify(body)) as JsonObject;
    const asked = {
      principal: this.principal(by),
      body: parsed,
      bodyDigest: sha256(canonicalJson(parsed)),
    };
    const answer =
      key === 'preflight'
        ? await this.gate.guard.preflight(asked, () => true)
        : await this.gate.guard.submit(
            { ...asked, idempotencyKey: key },
            { waitMs: 0, repeatWaitMs: 0, onLeft: () => () => undefined },
            () => true,
          );
    if (isRefusal(answer)) throw new Error('its key was not taken out');
    return answer;
  }

  /** The limits file again, as a reload reads it. */
  async reload(): Promise<string> {
    const loaded = toLoaded(await readPolicy(this.#config));
    return await this.gate.adopt({ config: this.#config, loaded });
  }

  get kind(): Kind {
    const kind = this.#config.kinds.get('host');
    if (kind === undefined) throw new Error('no kind is declared');
    return kind;
  }

  async load(
    method: 'put' | 'patch',
    lines: readonly object[],
    asOfMs?: number,
    { by = 'feed', ...query }: Readonly<Record<string, string>> = {},
  ): Promise<boolean> {
    const text = lines.map(line => `${JSON.stringify(line)}\n`).join('');
    const loaded = await this.gate.inventory[method]({
      kind: 'host',
      by: this.principal(by),
      isStillKnown: () => true,
      query: new Map([
        ...Object.entries(query),
        ...(asOfMs === undefined ? [] : ([['as_of', new Date(asOfMs).toISOString()]] as const)),
      ]),
      format: 'ndjson',
      content: streamOf(text),
    });
    await this.gate.inventory.tidied();
    return loaded !== undefined && !isRefusal(loaded);
  }

  async accept(): Promise<boolean> {
    const accepted = await this.gate.ledger.enqueueAlone(
      async turn => await acceptClock(turn, 'a test', this.principal('oncall')),
    );
    return !isRefusal(accepted);
  }
}

export function writeLimits(folder: string, limits: Doc): void {
  writeFileSync(join(folder, 'limits.yaml'), JSON.stringify(limits));
}

/** Resolves when nothing moves any more: every claim is in the executor's hands, and what it said is recorded. */
export async function settle(store: Store, gates: readonly OneGate[], executor: ToldExecutor): Promise<void> {
  for (let calm = 0, times = 0; calm < 3; times += 1) {
    for (const { gate } of gates) await gate.ledger.drained();
    const { rows } = await sql<{ id: string }>`
      select id::text as id from operations where phase = 'claimed'`.execute(store.db);
    const held = executor.held();
    calm = rows.every(({ id }) => held.has(id)) && executor.answering === 0 ? calm + 1 : 0;
    if (calm === 0) await new Promise(resolve => setTimeout(resolve, 2));
    else await new Promise(resolve => setImmediate(resolve));
    if (times > 5_000) throw new Error('it does not come to rest');
  }
}

async function* streamOf(text: string): AsyncGenerator<Uint8Array, void> {
  await Promise.resolve();
  yield Buffer.from(text);
}
