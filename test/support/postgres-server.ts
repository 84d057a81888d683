import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

/** A throwaway PostgreSQL server on the loopback address, in a folder of its own. */
export interface PostgresServer {
  /** Of the superuser, without a database's name. */
  readonly adminUrl: string;
  readonly port: number;
  readonly folder: string;
  readonly binaries: string;
  stop(): Promise<void>;
}

export interface ServerSettings {
  /** As in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
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
export function serverUser(): { uid: number; gid: number } | undefined {
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

export async function untilItAnswers(url: string, server: ChildProcess, said: () => string): Promise<void> {
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

/** Ends when its stdin does: a test run that is killed leaves no server and no folder behind. */
const guarded = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$FOLDER"';

/** A folder that a server may be in, whoever it runs as. */
export function serverFolder(): string {
  const user = serverUser();
  const folder = mkdtempSync(path.join(tmpdir(), 'interlock-pg-'));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Runs one of the server's programs as the server's user. @throws what it said, unless it ended well */
export async function runTool(folder: string, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(path.join(installed(), program), args, {
    ...serverUser(),
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code]: unknown[] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} failed: ${said}`);
}

function installed(): string {
  const binaries = findPostgres();
  if (binaries === undefined) throw new Error('no PostgreSQL server is installed');
  return binaries;
}

export async function startPostgres({ settings = {} }: ServerSettings = {}): Promise<PostgresServer> {
  installed();
  const folder = serverFolder();
  await runTool(folder, 'initdb', [
    ...['-D', path.join(folder, 'data'), '-U', 'admin', '-A', 'trust', '-E', 'UTF8'],
    ...['--no-sync', '--no-instructions'],
  ]);
  return await runServer(folder, { settings });
}

/** Runs a server on `data` in its folder, which is removed when it is stopped. */
export async function runServer(
  folder: string,
  { settings = {} }: ServerSettings = {},
): Promise<PostgresServer> {
  const binaries = installed();
  const data = path.join(folder, 'data');
  const port = await freePort();
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    max_connections: '200',
    shared_buffers: '64MB',
    ...settings,
  };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn('sh', ['-c', guarded, 'sh', path.join(binaries, 'postgres'), '-D', data, ...options], {
    ...serverUser(),
    env: { ...process.env, LC_ALL: 'C.UTF-8', FOLDER: folder },
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-10_000);
  });
  const ended = new Promise(resolve => server.once('exit', resolve));
  const adminUrl = `postgres://admin@127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    server.stdin?.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(`${adminUrl}/postgres`, server, () => log);
  } catch (error) {
    await stop();
    throw error;
  }
  return { adminUrl, port, folder, binaries, stop };
}
