import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

export type Rows = readonly Readonly<Record<string, unknown>>[];

/** A throwaway PostgreSQL server on the loopback address, in a folder of its own, which a test may kill and start again. */
export interface PostgresServer {
  /** Of the superuser, without a database's name. */
  readonly adminUrl: string;
  readonly port: number;
  /** One statement as the superuser, in the database `postgres` unless told otherwise. */
  ask(statement: string, database?: string): Promise<Rows>;
  /** Makes an empty database that the role `gate` owns, and gives its URL. */
  database(name: string, tablespace?: string): Promise<string>;
  /** SIGKILL to every process of it, as when the machine loses its power: nothing more is written, and nobody is told. */
  kill9(): Promise<void>;
  /** Starts it if it does not run, and waits until it answers. */
  start(): Promise<void>;
  /** Ends every session, stops, and starts again: what an operator does to it. */
  restart(): Promise<void>;
  /** Ends it, and removes its folder. */
  stop(): Promise<void>;
}

export interface ServerSettings {
  /** As in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface NewServer extends ServerSettings {
  /** A folder for the write-ahead log, in segments of 1 MiB. */
  readonly wal?: string;
}

/** The folder of `initdb` and `postgres`, or undefined: the newest that is installed, at least version 15. */
export function findPostgres(): string | undefined {
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).filter(name => Number(name) >= 15) : [];
  const newest = versions.toSorted((a, b) => Number(b) - Number(a)).map(name => `${packaged}/${name}/bin`);
  const configured = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  const told = configured.status === 0 ? [configured.stdout.trim()] : [];
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter);
  return [...newest, ...told, ...onPath].find(
    folder => existsSync(path.join(folder, 'initdb')) && existsSync(path.join(folder, 'postgres')),
  );
}

/** Servers do not start as root: then they run as a user that is there for it. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = ['postgres', 'nobody'].map(name => lines.find(one => one.startsWith(`${name}:`)));
  const [, , uid = '', gid = ''] = (line.find(one => one !== undefined) ?? '').split(':');
  if (uid === '')
    throw new Error('running as root, and there is no user postgres or nobody to run a server as');
  return { uid: Number(uid), gid: Number(gid) };
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function untilItAnswers(url: string, server: ChildProcess, said: () => string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (server.exitCode !== null) break;
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await pause(50);
    }
  }
  throw new Error(`PostgreSQL did not start:\n${said()}`);
}

/** Gives a folder to the user that servers run as. */
export function giveToServer(folder: string): void {
  const user = serverUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
}

/** A folder that a server may be in, whoever it runs as. */
export function serverFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'interlock-pg-'));
  giveToServer(folder);
  return folder;
}

function installed(): string {
  const binaries = findPostgres();
  if (binaries === undefined) throw new Error('no PostgreSQL server is installed');
  return binaries;
}

const asServer = (folder: string) => ({
  ...serverUser(),
  env: { ...process.env, LC_ALL: 'C.UTF-8', FOLDER: folder },
  cwd: folder,
});

/** Runs one of the server's programs as the server's user. @throws what it said, unless it ended well */
export async function runTool(folder: string, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(path.join(installed(), program), args, {
    ...asServer(folder),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code]: unknown[] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} failed: ${said}`);
}

/** A new server, with the role `gate`. */
export async function startPostgres({ settings = {}, wal }: NewServer = {}): Promise<PostgresServer> {
  const folder = serverFolder();
  if (wal !== undefined) giveToServer(wal);
  await runTool(folder, 'initdb', [
    ...['-D', path.join(folder, 'data'), '-U', 'admin', '-A', 'trust', '-E', 'UTF8'],
    ...['--no-sync', '--no-instructions'],
    ...(wal === undefined ? [] : ['--waldir', wal, '--wal-segsize', '1']),
  ]);
  const server = await runServer(folder, { settings });
  await server.ask('create role gate login');
  return server;
}

/** Ends when its stdin does: a test run that is killed leaves no server and no folder behind. */
const guard = 'cat >/dev/null; "$0" stop -D "$FOLDER/data" -m immediate >/dev/null 2>&1; rm -rf "$FOLDER"';

/** Runs a server on `data` in its folder, which is removed when it is stopped. */
export async function runServer(
  folder: string,
  { settings = {} }: ServerSettings = {},
): Promise<PostgresServer> {
  const guarding = spawn('sh', ['-c', guard, path.join(installed(), 'pg_ctl')], {
    ...asServer(folder),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const guarded = once(guarding, 'exit');
  const port = await freePort();
  const adminUrl = `postgres://admin@127.0.0.1:${port}`;
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    max_connections: '200',
    shared_buffers: '64MB',
    ...settings,
  };
  const postmaster = postmasterOf(folder, all, `${adminUrl}/postgres`);
  const ask = askerOf(adminUrl);
  const stop = async (): Promise<void> => {
    await postmaster.end('SIGQUIT');
    guarding.stdin?.end();
    await guarded;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await postmaster.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    adminUrl,
    port,
    ask,
    stop,
    start: postmaster.start,
    database: async (name, tablespace) => {
      await ask(
        `create database ${name} owner gate ${tablespace === undefined ? '' : `tablespace ${tablespace}`}`,
      );
      return `postgres://gate@127.0.0.1:${port}/${name}`;
    },
    kill9: postmaster.kill9,
    restart: async () => {
      await postmaster.end('SIGINT');
      await postmaster.start();
    },
  };
}

function askerOf(adminUrl: string): PostgresServer['ask'] {
  return async (statement, database = 'postgres') => {
    const client = new Client({ connectionString: `${adminUrl}/${database}` });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(statement);
      return rows;
    } finally {
      await client.end();
    }
  };
}

/** The server's first process: a child of this one, which sees it end at once. One whose parent is gone may stay a zombie, and bar the next. */
interface Postmaster {
  readonly start: () => Promise<void>;
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
  readonly kill9: () => Promise<void>;
}

function postmasterOf(folder: string, settings: Readonly<Record<string, string>>, url: string): Postmaster {
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let server: ChildProcess | undefined;
  let log = '';
  const isUp = (): boolean => server !== undefined && server.exitCode === null && server.signalCode === null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server === undefined || !isUp()) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };
  const start = async (): Promise<void> => {
    if (isUp()) return;
    server = spawn(path.join(installed(), 'postgres'), ['-D', path.join(folder, 'data'), ...options], {
      ...asServer(folder),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-10_000);
    });
    await untilItAnswers(url, server, () => log);
  };
  const kill9 = async (): Promise<void> => {
    const pid = server?.pid;
    if (pid === undefined || !isUp()) throw new Error('the server does not run');
    // Held still, so that it starts nobody anew whose end it sees, and tells nobody.
    kill(pid, 'SIGSTOP');
    const children = childrenOf(pid);
    for (const child of children) kill(child, 'SIGKILL');
    while (children.some(isRunning)) await pause(5);
    await end('SIGKILL');
  };
  return { start, end, kill9 };
}

/** The state and the parent of a process; undefined for one that is gone. */
function statOf(pid: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = 'Z', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter(pid => pid > 0 && statOf(pid)?.parent === parent);

/** One that is dead and not yet waited for is dead. */
const isRunning = (pid: number): boolean => !['Z', 'X'].includes(statOf(pid)?.state ?? 'X');

/** One that has ended meanwhile is what was wanted. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}
