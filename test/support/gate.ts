import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { byForm } from './form.ts';
import { program } from './program.ts';

/**
 * Nothing is optimised, and the young generation has room from the start: a fifth less of the processor for a gate of the tests, which nearly all end
 * long before optimising would pay. In the long form they run under load for longer; what measures starts its gate with flags of its own.
 */
export const QUICK_TO_START: readonly string[] = byForm(
  [
    '--liftoff-only',
    '--no-opt',
    '--single-threaded-gc',
    '--min-semi-space-size=16',
    '--max-semi-space-size=32',
  ],
  ['--liftoff-only'],
);

/** A document of a configuration or limits file. JSON is YAML, so it is written as JSON. */
export type Doc = Readonly<Record<string, unknown>>;

/** The key of a test principal, whole: what goes behind `Bearer`. */
export const keyOf = (principal: string): string => `test-key-of-${principal}`;

/** The line of a test principal in `principals`. */
export const principal = (name: string, roles: readonly string[], actions?: readonly string[]): Doc => ({
  name,
  keys: [`sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`],
  roles,
  ...(actions === undefined ? {} : { actions }),
});

/** One principal of each role, and two more requesters, over these actions. */
export const principalsFor = (actions: readonly string[]): readonly Doc[] => [
  principal('bot', ['requester'], actions),
  principal('other-bot', ['requester'], actions),
  principal('oncall-bot', ['requester'], actions),
  principal('worker', ['executor'], actions),
  principal('auditor', ['auditor']),
  principal('operator', ['operator']),
  principal('feed', ['inventory']),
  principal('observer', ['observer']),
];

/** A kind with everything that a kind may declare, and room for any load. */
export const hostKind: Doc = {
  dimensions: ['region', 'zone', 'cluster', 'rack', 'role'],
  state: { label: 'state', in_service: ['serving', 'draining'] },
  labels: ['owner'],
  optional: ['quarantined_at'],
  max_age: '24h',
  max_shrink: '100%',
  max_change: '100%',
};

/** A limits entry that stands in nobody's way. */
export const wideLimits: Doc = {
  max_targets: 200_000,
  max_share: { fleet: '100%' },
  require: 'any',
  windows: [{ per: 'fleet', over: '1h', max_targets: 10_000_000 }],
};

export interface GateOptions {
  /** Over the defaults: kind `host`, action `test.act`, principals for every action there is. */
  readonly config?: Doc;
  /** Over the default: `wideLimits` for every action there is. */
  readonly limits?: Doc;
  /** Written instead of the document, as it is. */
  readonly configText?: string;
  readonly limitsText?: string;
  /** A URL of a PostgreSQL server, or a folder; by default an embedded store in the gate's folder, which is there before its first start. */
  readonly store?: string;
  /** Where actions without an `executor` of their own are sent. */
  readonly executor?: string;
  /** Runs in the gate's folder before its first start. */
  readonly prepare?: (folder: string) => void;
  /** More of the command line. */
  readonly args?: readonly string[];
  /** How the file is named: on the command line (the default), in the environment, or not at all. */
  readonly named?: 'argument' | 'environment' | 'default';
  /** What node itself is told, before the program; by default to be quick to start. */
  readonly node?: readonly string[];
  /** More of its environment, which is otherwise nearly empty. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  /** The signal that ended it, if one did. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A gate that runs, in a process of its own. */
export interface Gate {
  /** Like `http://127.0.0.1:40123`; another one after a restart. */
  readonly url: string;
  /** Of its process; another one after a restart. */
  readonly pid: number;
  readonly folder: string;
  /** What it has logged since its first start, line by line; lines that are not JSON are `{ text }`. */
  logs(): readonly Doc[];
  /** Rewrites the files as if it had been started with these options. Takes effect at the next start. */
  rewrite(options: GateOptions): void;
  /** SIGTERM, and the exit that follows. */
  stop(): Promise<Exit>;
  /** Its exit, whoever ends it; after a restart, that of the new process. */
  ended(): Promise<Exit>;
  /** SIGKILL. */
  kill9(): Promise<void>;
  /** Stops it if it runs, and starts it again on the same files and store. */
  restart(args?: readonly string[]): Promise<void>;
  /** `interlock audit verify`, as auditors run it: the chain, and all tables beside it. */
  verify(): Promise<Exit>;
  /** Stops it and removes its folder. */
  close(): Promise<void>;
}

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : [];

/** Writes interlock.yaml and limits.yaml into the folder. */
export function writeGateFiles(folder: string, options: GateOptions): void {
  const executor = {
    url: options.executor ?? 'http://127.0.0.1:9/never',
    timeout: '10s',
    concurrency: 50,
    valid_for: '5m',
  };
  const overrides = options.config ?? {};
  const declared = overrides['actions'] ?? { 'test.act': {} };
  const actions = Object.fromEntries(
    entriesOf(declared).map(([name, action]) => [
      name,
      {
        kind: 'host',
        ...Object.fromEntries(entriesOf(action)),
        executor: {
          ...executor,
          ...Object.fromEntries(entriesOf(Object.fromEntries(entriesOf(action))['executor'])),
        },
      },
    ]),
  );
  const names = Object.keys(actions);
  const config = {
    listen: '127.0.0.1:0',
    store: options.store ?? './store',
    limits: './limits.yaml',
    kill_file: './KILL',
    checkpoints: './checkpoints.ndjson',
    kinds: { host: hostKind },
    principals: principalsFor(names),
    ...overrides,
    actions,
  };
  const limits = { actions: Object.fromEntries(names.map(name => [name, wideLimits])), ...options.limits };
  writeFileSync(join(folder, 'interlock.yaml'), options.configText ?? JSON.stringify(config, null, 2));
  writeFileSync(join(folder, 'limits.yaml'), options.limitsText ?? JSON.stringify(limits, null, 2));
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'interlock-gate-'));

interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<Exit>;
  readonly address: Promise<string>;
}

type Heard = ChildProcessByStdio<null, Readable, Readable>;

/** All that a process says until it ends. */
async function exitOf(child: Heard): Promise<Exit> {
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const [code, signal]: unknown[] = await once(child, 'close');
  return {
    code: typeof code === 'number' ? code : null,
    signal: typeof signal === 'string' ? signal : null,
    stdout,
    stderr,
  };
}

function launch(
  folder: string,
  { args = [], named = 'argument', node = QUICK_TO_START, environment = {} }: GateOptions,
  log: (line: string) => void,
): Running {
  const file = join(folder, 'interlock.yaml');
  const option = named === 'argument' ? ['--config', file] : [];
  const child = spawn(process.execPath, [...node, program, 'serve', ...option, ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      ...(named === 'environment' ? { INTERLOCK_CONFIG: file } : {}),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = exitOf(child);
  let said = '';
  let rest = '';
  const killWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  child.once('close', () => process.off('exit', killWithUs));
  child.stderr.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) log(line);
  });
  const address = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: string) => {
      said += chunk;
      const url = /https?:\/\/[^\s/"']+:\d+/u.exec(said)?.[0];
      if (url !== undefined) resolve(url);
    });
    void exit.then(({ code, stdout, stderr }) =>
      reject(new Error(`the gate ended with ${code} before it was ready:\n${stdout}${stderr}`)),
    );
  });
  address.catch(() => undefined);
  return { child, exit, address };
}

/** Runs `interlock serve` on files that should not let it start, and waits for its end. */
export async function startAndFail(options: GateOptions): Promise<Exit> {
  const folder = temporaryFolder();
  try {
    writeGateFiles(folder, options);
    options.prepare?.(folder);
    const { child, exit, address } = launch(folder, options, () => undefined);
    void address.then(() => child.kill('SIGKILL')).catch(() => undefined);
    return await exit;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A first start makes its database, which is 9 s of work of the processor; with one that is there it is 3. */
async function prepareStore(folder: string, options: GateOptions): Promise<void> {
  if (options.store !== undefined || options.configText !== undefined) return;
  // PGlite, which most tests of a gate have no use for.
  const { putPreparedStore } = await import('./store.ts');
  await putPreparedStore(join(folder, 'store'));
}

/** Starts the real program in a folder of its own and waits for the address that it prints. */
export async function startGate(options: GateOptions = {}): Promise<Gate> {
  const folder = temporaryFolder();
  writeGateFiles(folder, options);
  await prepareStore(folder, options);
  options.prepare?.(folder);
  const lines: string[] = [];
  const log = (line: string): unknown => lines.push(line);
  let running = launch(folder, options, log);
  let url = await running.address;
  const alive = (): boolean => running.child.exitCode === null && running.child.signalCode === null;
  const stop = async (): Promise<Exit> => {
    if (alive()) running.child.kill('SIGTERM');
    return await running.exit;
  };
  const kill9 = async (): Promise<void> => {
    if (alive()) running.child.kill('SIGKILL');
    await running.exit;
  };
  return {
    get url() {
      return url;
    },
    get pid() {
      const { pid } = running.child;
      if (pid === undefined) throw new Error('the gate was not started');
      return pid;
    },
    folder,
    logs: () => lines.map(parseLine),
    rewrite: other => writeGateFiles(folder, { ...options, ...other }),
    stop,
    ended: async () => await running.exit,
    kill9,
    restart: async (args = []) => {
      await stop();
      // However it was named before, it is found by its name.
      running = launch(folder, { ...options, args, named: 'argument' }, log);
      url = await running.address;
    },
    verify: async () => {
      const args = ['audit', 'verify', '--config', join(folder, 'interlock.yaml')];
      return await exitOf(
        spawn(process.execPath, [...QUICK_TO_START, program, ...args], {
          cwd: folder,
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      );
    },
    close: async () => {
      await kill9();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function parseLine(line: string): Doc {
  try {
    const parsed: unknown = JSON.parse(line);
    return Object.fromEntries(entriesOf(parsed));
  } catch {
    return { text: line };
  }
}
