import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { CrashPoint } from '#crash-point';
import { apiOf, until, type Api, type Body, type Line } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { QUICK_TO_START, startGate, type Doc, type Exit, type Gate } from '../support/gate.ts';
import { freshDatabase, postgresAbsent } from '../support/postgres.ts';

export type StoreName = 'PostgreSQL' | 'the embedded store';

export const stores: readonly StoreName[] =
  postgresAbsent() === undefined ? ['PostgreSQL', 'the embedded store'] : ['the embedded store'];

/** Whether the executor takes the same request again. */
export type Executors = 'idempotent' | 'not idempotent';

/** The points that an operator's stop reaches while nobody asks. */
export const engagePoints = [
  'turn.uncommitted',
  'engage.drafted',
  'engage.committed',
] as const satisfies readonly CrashPoint[];
/** The points that a gate reaches when another died before it. */
export const sweepPoints = ['sweep.drafted', 'sweep.committed'] as const satisfies readonly CrashPoint[];
export type EngagePoint = (typeof engagePoints)[number];
/** All others: clients reach them by asking. */
export type AskedPoint = Exclude<CrashPoint, EngagePoint | (typeof sweepPoints)[number]>;

/** A gate whose build has the crash points, and its executor. */
export interface CrashingGate {
  readonly gate: Gate;
  readonly api: Api;
  readonly executor: FakeExecutor;
  /** From now on the gate dies when it is at this point for the nth time. */
  arm(point: CrashPoint, nth?: number): void;
  /** Waits for its death, and until its executor has everything that it had sent. */
  died(): Promise<Death>;
  /** Starts it on the same store, not armed unless a point is named. */
  startAgain(point?: CrashPoint): Promise<void>;
  /** What the executor has received of an action: the request ids, in order. */
  received(action: string): readonly string[];
  /** Requests of an action whose outcome is listed as this, by id. */
  listed(action: string, outcome: 'pending' | 'unknown'): Promise<readonly string[]>;
  /** Which of these targets are in operation, and in which request, as a pre-flight says. */
  held(action: string, targets: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Ends it in order, and has the whole store verified. */
  verify(): Promise<Exit>;
  close(): Promise<void>;
}

export interface Death {
  readonly exit: Exit;
  /** The points at which the gate said that it dies. */
  readonly reached: readonly string[];
}

export interface CrashingOptions {
  readonly store: StoreName;
  readonly actions: ReadonlyMap<string, Executors>;
  readonly inventory: readonly Line[];
}

/** Long enough for whatever an executor does here. A server's gates wait 5 s longer for one that died; on the embedded store there can be no other. */
const timeouts: Readonly<Record<StoreName, string>> = { PostgreSQL: '3s', 'the embedded store': '20s' };
export const CONCURRENCY = 2;
/** A server's gates sweep a dead one's claims after 8 s. */
const DEATH_MS = 30_000;

const actionOf = (store: StoreName, executors: Executors): Doc => ({
  executor: {
    timeout: timeouts[store],
    concurrency: CONCURRENCY,
    valid_for: '5m',
    idempotent: executors === 'idempotent',
  },
});

export async function startCrashingGate(options: CrashingOptions): Promise<CrashingGate> {
  const executor = await startExecutor({ type: 'answer', status: 200, delayMs: 10 });
  const database = options.store === 'PostgreSQL' ? await freshDatabase() : undefined;
  const gate = await startGate({
    executor: executor.url,
    ...(database !== undefined && { store: database.url }),
    config: {
      actions: Object.fromEntries(
        [...options.actions].map(([name, executors]) => [name, actionOf(options.store, executors)]),
      ),
    },
    node: [...QUICK_TO_START, '--conditions=interlock-crash'],
    environment: { INTERLOCK_CRASH_FILE: './crash' },
  });
  const api = apiOf(gate);
  const loaded = await api.put('host', options.inventory);
  if (loaded.status !== 200) throw new Error(loaded.text);
  const file = join(gate.folder, 'crash');
  const arm = (point: CrashPoint, nth = 1): void => writeFileSync(file, `${point}:${nth}`);
  const listed = async (action: string, outcome: 'pending' | 'unknown'): Promise<string[]> =>
    (await api.search({ action, outcome, limit: '1000' })).map(({ id }) => id ?? '');
  return {
    gate,
    api,
    executor,
    arm,
    died: async () => {
      // One that never comes to the point is killed, and has said nothing.
      const patience = setTimeout(() => void gate.kill9(), DEATH_MS);
      const exit = await gate.ended();
      clearTimeout(patience);
      await until(
        async () => await Promise.resolve(executor.open()),
        open => open === 0,
      );
      const said = existsSync(`${file}.reached`) ? readFileSync(`${file}.reached`, 'utf8') : '';
      return { exit, reached: said.split('\n').filter(line => line !== '') };
    },
    startAgain: async point => {
      rmSync(file, { force: true });
      rmSync(`${file}.reached`, { force: true });
      if (point === undefined) return await gate.restart();
      arm(point);
      // It may die before it says its address.
      await gate.restart().catch(() => undefined);
    },
    received: action => executor.received().flatMap(({ json }) => requestOf(json, action)),
    listed,
    held: async (action, targets) => heldIn((await api.preflight(action, targets)).body),
    verify: async () => {
      await gate.stop();
      return await gate.verify();
    },
    close: async () => {
      await gate.close();
      await executor.close();
      await database?.drop();
    },
  };
}

function requestOf(json: unknown, action: string): string[] {
  if (typeof json !== 'object' || json === null || !('action' in json) || json.action !== action) return [];
  return 'request' in json && typeof json.request === 'string' ? [json.request] : [];
}

const heldIn = ({ reasons = [] }: Body): Map<string, string> =>
  new Map(
    reasons
      .filter(({ rule }) => rule === 'targets.in_operation')
      .map(({ value = '', request = '' }) => [value, request]),
  );
