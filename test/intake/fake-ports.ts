import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Principal, Role } from '../../src/config/config.ts';
import { createHttpServer, type HttpOptions, type HttpServer } from '../../src/intake/server.ts';
import { PATIENCE, type Patience } from '../../src/intake/patience.ts';
import type { Ports } from '../../src/intake/ports.ts';
import type { Loaded, LoadRequest } from '../../src/inventory/inventory.ts';
import { createLogger } from '../../src/kit/logger.ts';
import type { Rule } from '../../src/kit/rules.ts';
import type { Answer, Asked, DecisionDocument } from '../../src/ledger/decision.ts';
import { createMetrics } from '../../src/metrics/create-metrics.ts';

export const principal = (
  name: string,
  roles: readonly Role[],
  actions: readonly string[] = [],
): Principal => ({
  name,
  keys: [`sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`],
  roles: new Set(roles),
  actions: new Set(actions),
});

export const keyOf = (name: string): string => `key-of-${name}`;
export const bearer = (name: string): string => `Bearer ${keyOf(name)}`;

export const principals = [
  principal('bot', ['requester'], ['disk.wipe']),
  principal('worker', ['executor'], ['disk.wipe']),
  principal('other-worker', ['executor'], ['config.push']),
  principal('auditor', ['auditor']),
  principal('operator', ['operator']),
  principal('feed', ['inventory']),
  principal('observer', ['observer']),
];

export const ID = '11111111-2222-4333-8444-555555555555';

export const document: DecisionDocument = {
  id: ID,
  mode: 'request',
  decision: 'allowed',
  action: 'disk.wipe',
  principal: 'bot',
  body_digest: 'sha256:b',
  reason: 'a test',
  targets: { count: 1, digest: 'sha256:aa' },
  reasons: [],
  decided_at: '2026-11-22T10:00:00.000Z',
};

export const delivered: Answer = {
  status: 200,
  document,
  outcome: { status: 'delivered', http_status: 200 },
  replayed: false,
};

export const refusedAnswer = (rule: Rule, status: number): Answer => ({
  status,
  document: {
    ...document,
    decision: 'refused',
    reasons: [{ rule, message: 'No targets were named.', pointer: '/targets' }],
  },
  replayed: false,
  rule,
});

/** What the rooms behind HTTP were asked, in order: `room.call` and its arguments. */
export type Calls = { readonly call: string; readonly args: readonly unknown[] }[];

/** Ports that note what they are asked, and answer with something that works. */
export function fakePorts(calls: Calls, over: Partial<Ports> = {}): Ports {
  const note = (call: string, ...args: unknown[]): void => void calls.push({ call, args });
  const drain = async (call: string, load: LoadRequest): Promise<Loaded> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of load.content) chunks.push(chunk);
    note(call, load.kind, load.format, Object.fromEntries(load.query), Buffer.concat(chunks).toString());
    return { revision: 1, count: 1, added: 1, removed: 0, changed: 0 };
  };
  return {
    guard: {
      submit: async (asked: Asked, { waitMs }: { readonly waitMs: number }) => {
        note('guard.submit', asked, waitMs);
        return delivered;
      },
      preflight: async asked => {
        note('guard.preflight', asked);
        return { status: 200, document: { ...document, mode: 'preflight' }, replayed: false };
      },
    },
    outcomes: {
      report: async (id, by, report) => {
        note('outcomes.report', id, by.name, report);
        return { outcome: report.status };
      },
      cancel: async (id, by, reason) => {
        note('outcomes.cancel', id, by.name, reason);
        return {};
      },
    },
    killSwitch: {
      engage: async (request, by) => {
        note('killSwitch.engage', request, by.name);
        return { id: ID, scope: request.scope, reason: request.reason ?? '', on_the_wire: [], stopped: [] };
      },
      release: async (id, reason, by) => {
        note('killSwitch.release', id, reason, by.name);
        return { id };
      },
      status: async () => ({ engaged: [] }),
    },
    evidence: {
      post: async (report, by) => {
        note('evidence.post', report, by.name);
        return { seq: 7, ...report, by: by.name, at: 'now' };
      },
    },
    clock: {
      accept: async (reason, by) => {
        note('clock.accept', reason, by.name);
        return {};
      },
    },
    budgets: { budgets: async () => ({ items: [] }) },
    policy: { describe: async () => ({ revision: 'r1' }), rules: () => ({}) },
    inventory: {
      put: async load => await drain('inventory.put', load),
      patch: async load => await drain('inventory.patch', load),
      summary: async () => ({ kinds: [] }),
    },
    reads: {
      search: async (search, sight, page) => {
        note('reads.search', search, sight, page);
        return { items: [] };
      },
      one: async (id, sight) => {
        note('reads.one', id, sight);
        return { ...document, id, status: 200, outcome: { status: 'delivered' } };
      },
      targets: async () => ({ items: ['host-1'] }),
      evidence: async (search, page) => {
        note('reads.evidence', search, page);
        return { items: [] };
      },
      trail: async () => ({ items: [] }),
    },
    ready: {
      ready: async () => ({
        process: { ok: true },
        database: { ok: true },
        record: { ok: true },
        policy: { ok: true },
        clock: { ok: true },
        kinds: { host: { ok: true } },
      }),
    },
    gauges: { read: async () => note('gauges.read') },
    ...over,
  };
}

export interface Serving extends HttpServer {
  readonly calls: Calls;
  readonly metrics: ReturnType<typeof createMetrics>;
  /** Milliseconds of every answer that was held back. */
  readonly held: number[];
  /** Moves the clock of the gate. */
  advance(durationMs: number): void;
}

/** The real server over fake ports; its clock stands still, nothing is held back for real, and clients are waited for as ever. */
export function serving(
  over: Partial<Ports> = {},
  patience: Partial<Patience> = {},
  secured: Pick<HttpOptions, 'tls' | 'publicUrl'> & Partial<Pick<HttpOptions, 'logger'>> = {},
): Serving {
  const calls: Calls = [];
  const held: number[] = [];
  let nowMs = 1_000_000;
  const metrics = createMetrics({
    actions: new Set(['disk.wipe']),
    kinds: new Map(),
    version: '0.0.0',
    wallMs: () => nowMs,
  });
  const http = createHttpServer({
    ports: fakePorts(calls, over),
    principals: () => principals,
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    metrics,
    logger: createLogger('silent'),
    hold: async durationMs => void held.push(durationMs),
    patience: { ...PATIENCE, ...patience },
    ...secured,
  });
  return { ...http, calls, metrics, held, advance: durationMs => void (nowMs += durationMs) };
}

export async function listen(server: Server): Promise<{ url: string; port: number; close(): Promise<void> }> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
