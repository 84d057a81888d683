import { afterAll, beforeAll, expect } from 'vitest';
import { apiOf, until, type Api, type Line } from './api.ts';
import { startExecutor, type FakeExecutor, type Script } from './executor.ts';
import { startGate, type Doc, type Gate, type GateOptions } from './gate.ts';
import { freshDatabase, postgresAbsent, type FreshDatabase } from './postgres.ts';

export interface Standing {
  readonly gate: Gate;
  readonly api: Api;
  readonly executor: FakeExecutor;
  /** Its database, where it is on a PostgreSQL server. */
  readonly database: FreshDatabase;
}

export interface StandingOptions extends Omit<GateOptions, 'executor' | 'store'> {
  /** Where it keeps what it knows: on a PostgreSQL server if there is one (the default), or embedded. */
  readonly store?: 'embedded';
  /** Snapshots to load before the first test, by kind. */
  readonly inventory?: Readonly<Record<string, readonly Line[]>>;
  readonly script?: Script;
  /** The tests spoil its store under it: batches may fail. */
  readonly spoilsStore?: boolean;
}

/** One gate and one executor for all tests of a file, with its inventory loaded. Read the fields inside tests only. */
export function standing(options: StandingOptions): Standing {
  let gate: Gate | undefined;
  let executor: FakeExecutor | undefined;
  let database: FreshDatabase | undefined;
  let api: Api | undefined;
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the gate does not stand yet');
    return part;
  };
  beforeAll(async () => {
    executor = await startExecutor(options.script);
    const { store, spoilsStore: _spoils, ...rest } = options;
    if (store === undefined && postgresAbsent() === undefined) database = await freshDatabase();
    gate = await startGate({
      ...rest,
      ...(database === undefined ? {} : { store: database.url }),
      executor: executor.url,
    });
    api = apiOf(gate);
    for (const [kind, lines] of Object.entries(options.inventory ?? {})) {
      const loaded = await api.put(kind, lines);
      expect(loaded.status, loaded.text).toBe(200);
    }
  });
  afterAll(async () => {
    const failed = gate?.logs().filter(({ msg }) => msg === 'a batch failed and was rolled back') ?? [];
    await gate?.close();
    await executor?.close();
    await database?.drop();
    // Its jobs are run again one by one, so every answer above may be right all the same.
    if (options.spoilsStore !== true) expect(failed).toEqual([]);
  });
  return {
    get gate() {
      return started(gate);
    },
    get api() {
      return started(api);
    },
    get executor() {
      return started(executor);
    },
    get database() {
      return started(database);
    },
  };
}

/** Writes the files of a gate anew, with these options in place of those it was started with, and has it load them. */
export async function loadAgain(gate: Gate, options: GateOptions): Promise<void> {
  gate.rewrite(options);
  const before = gate.logs().length;
  process.kill(gate.pid, 'SIGHUP');
  const isTold = ({ msg }: Doc): boolean => /^loaded again|^nothing was loaded/.test(String(msg));
  const told = await until(
    async () => await Promise.resolve(gate.logs().slice(before).find(isTold)),
    found => found !== undefined,
  );
  expect(told).toMatchObject({ msg: expect.stringMatching(/^loaded again/) });
}
