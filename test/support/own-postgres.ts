import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findPostgres, freePort, serverUser, untilItAnswers } from './postgres-server.ts';

const run = promisify(execFile);

/** A PostgreSQL server of a test's own, which it may kill and start again on the same data. */
export interface OwnPostgres {
  readonly port: number;
  /** Makes an empty database that the role `gate` owns, and gives its URL. */
  database(name: string, tablespace?: string): Promise<string>;
  /** One statement as the superuser, in this database. */
  asAdmin(sql: string, database?: string): Promise<void>;
  /** SIGKILL to every process of it: as when the machine loses its power. */
  kill9(): Promise<void>;
  /** Starts it if it does not run, and waits until it answers. */
  start(): Promise<void>;
  /** Ends every session, stops, and starts again: what an operator does to it. */
  restart(): Promise<void>;
  /** Gives a folder to the user that the server runs as. */
  give(folder: string): void;
  close(): Promise<void>;
}

export interface OwnSettings {
  /** As in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A folder for the write-ahead log, in segments of 1 MiB. */
  readonly wal?: string;
}

/** Ends when its stdin does: a test run that is killed leaves no server and no folder behind. */
const guard = 'cat >/dev/null; "$0" stop -D "$FOLDER/data" -m immediate >/dev/null 2>&1; rm -rf "$FOLDER"';

export async function startOwnPostgres({ settings = {}, wal }: OwnSettings = {}): Promise<OwnPostgres> {
  const binaries = findPostgres();
  if (binaries === undefined) throw new Error('no PostgreSQL server is installed');
  const user = serverUser();
  const folder = mkdtempSync(path.join(tmpdir(), 'interlock-own-pg-'));
  const give = (what: string): void => {
    if (user !== undefined) chownSync(what, user.uid, user.gid);
  };
  give(folder);
  if (wal !== undefined) give(wal);
  const data = path.join(folder, 'data');
  const options = { ...user, cwd: folder, env: { ...process.env, LC_ALL: 'C.UTF-8', FOLDER: folder } };
  const guarding = spawn('sh', ['-c', guard, path.join(binaries, 'pg_ctl')], {
    ...options,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const guarded = new Promise(resolve => guarding.once('exit', resolve));
  const port = await freePort();
  await run(
    path.join(binaries, 'initdb'),
    [
      ...['-D', data, '-U', 'admin', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'],
      ...(wal === undefined ? [] : ['--waldir', wal, '--wal-segsize', '1']),
    ],
    options,
  );
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    shared_buffers: '64MB',
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`);
  appendFileSync(path.join(data, 'postgresql.conf'), lines.join(''));
  const url = (database: string): string => `postgres://admin@127.0.0.1:${port}/${database}`;
  const asAdmin = async (sql: string, database = 'postgres'): Promise<void> => {
    const admin = new Client({ connectionString: url(database) });
    admin.on('error', () => undefined);
    await admin.connect();
    try {
      await admin.query(sql);
    } finally {
      await admin.end();
    }
  };
  // A child of this process, which sees it end at once: one whose parent is gone may stay a zombie for a while, and bar the next.
  let server: ChildProcess | undefined;
  let log = '';
  const isUp = (): boolean => server !== undefined && server.exitCode === null && server.signalCode === null;
  const start = async (): Promise<void> => {
    if (isUp()) return;
    server = spawn(path.join(binaries, 'postgres'), ['-D', data], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-10_000);
    });
    await untilItAnswers(url('postgres'), server, () => log);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server === undefined || !isUp()) return;
    const ended = new Promise(resolve => server?.once('exit', resolve));
    server.kill(signal);
    await ended;
  };
  await start();
  await asAdmin('create role gate login');
  return {
    port,
    asAdmin,
    give,
    start,
    database: async (name, tablespace) => {
      const at = tablespace === undefined ? '' : `tablespace ${tablespace}`;
      await asAdmin(`create database ${name} owner gate ${at}`);
      return `postgres://gate@127.0.0.1:${port}/${name}`;
    },
    kill9: async () => {
      const postmaster = server?.pid;
      if (postmaster === undefined || !isUp()) throw new Error('the server does not run');
      // Held still, so that it starts nobody anew whose end it sees.
      kill(postmaster, 'SIGSTOP');
      for (const pid of childrenOf(postmaster)) kill(pid, 'SIGKILL');
      await end('SIGKILL');
    },
    restart: async () => {
      await end('SIGINT');
      await start();
    },
    close: async () => {
      await end('SIGQUIT');
      guarding.stdin?.end();
      await guarded;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The parent of a process; undefined for one that is gone. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter(pid => pid > 0 && parentOf(pid) === parent);

/** One that has ended meanwhile is what was wanted. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}
