import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { codeOf } from '../kit/fault.ts';
import { freshId } from '../kit/ids.ts';
import { parseJson } from '../kit/parse-json.ts';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.ts';
import { StoreRefused } from './store-refused.ts';

/*
 * Who may use a folder. Each contender publishes a file of its own, `lock.TOKEN`, and then looks at all the others: it
 * holds the folder if none of them belongs to a process that may live. Of two holders, the one that published later
 * would have seen the other. Tokens are never used twice, so to clear away a dead one's file cannot hit a living one's.
 */

export interface FolderLock {
  release(): Promise<void>;
}

const holderSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  machineId: z.string().optional(),
  bootId: z.string().optional(),
  startTicks: z.string().optional(),
  pidNamespace: z.string().optional(),
  /** Whether the holder listens on `TOKEN.sock` beside the file. */
  listens: z.boolean(),
});

/** How long a contender waits for others that only contend, like itself, to step back. */
const PATIENCE_STEPS = 40;
const PATIENCE_STEP_MS = 25;

/** The shortest limit on a socket's path among the systems that Node runs on. */
const SOCKET_PATH_BYTES = 100;

const lockFile = (folder: string, token: string): string => path.join(folder, `lock.${token}`);

/** Where the holder listens, or undefined if the path is too long for a socket. */
function socketPath(folder: string, token: string): string | undefined {
  const absolute = path.join(folder, `${token}.sock`);
  const relative = path.relative(process.cwd(), absolute);
  return [absolute, relative].find(one => Buffer.byteLength(one) <= SOCKET_PATH_BYTES);
}

/** Listens for as long as the process lives: only the kernel can end that, and it always does. */
async function listen(where: string): Promise<net.Server | undefined> {
  const server = net.createServer(socket => socket.destroy());
  return await new Promise(resolve => {
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen(where, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Whether anybody listens. Only a plain "nobody does" is a no. */
async function isListening(where: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = net.connect(where);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', error => {
      resolve(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error)));
    });
  });
}

type Other = { readonly token: string; readonly state: 'alive' | 'dead' | 'unknown'; readonly who: string };

async function lookAt(folder: string, token: string, own: ProcessIdentity): Promise<Other | undefined> {
  let text: string;
  try {
    text = await readFile(lockFile(folder, token), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const holder = holderSchema.safeParse(parseJson(text)).data;
  // Published whole and synced: no crash of ours leaves half a file, so nothing says that whoever wrote this is dead.
  if (holder === undefined) return { token, state: 'unknown', who: 'a process that its file does not name' };
  const where = socketPath(folder, token);
  const listening = holder.listens && where !== undefined ? await isListening(where) : undefined;
  const who = `process ${holder.pid} on ${holder.host}`;
  return { token, state: livenessOf(holder, own, listening), who };
}

const tokensIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter(name => name.startsWith('lock.')).map(name => name.slice('lock.'.length));

/** Whoever else has published. The dead are cleared away. */
async function lookAround(folder: string, own: string, identity: ProcessIdentity): Promise<Other[]> {
  const tokens = (await tokensIn(folder)).filter(token => token !== own);
  const others: Other[] = [];
  for (const token of tokens) {
    const other = await lookAt(folder, token, identity);
    if (other?.state === 'dead') {
      await rm(path.join(folder, `${token}.sock`), { force: true });
      await rm(lockFile(folder, token), { force: true });
    } else if (other !== undefined) others.push(other);
  }
  return others;
}

/**
 * Who holds a folder, or may hold it; undefined if nobody does. Only looks: it takes no lock, and clears nothing away.
 * @throws the system's error if the folder cannot be read
 */
export async function findHolder(
  folder: string,
  identity: ProcessIdentity = ownIdentity(),
): Promise<{ readonly who: string; readonly alive: boolean; readonly file: string } | undefined> {
  for (const token of await tokensIn(folder)) {
    const other = await lookAt(folder, token, identity);
    if (other !== undefined && other.state !== 'dead')
      return { who: other.who, alive: other.state === 'alive', file: lockFile(folder, token) };
  }
  return undefined;
}

/** The file appears whole, under its name, or not at all. */
async function publish(folder: string, token: string, content: object): Promise<void> {
  const draft = path.join(folder, `new.${token}`);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(content)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, lockFile(folder, token));
}

function refusal(folder: string, other: Other, identity: ProcessIdentity): StoreRefused {
  if (other.state === 'alive')
    return new StoreRefused(
      `The store ${folder} is in use by ${other.who}. Two gates on one folder would lose records: stop the other one, or share a PostgreSQL server.`,
    );
  const isUnnamed = identity.bootId !== undefined && identity.machineId === undefined;
  return new StoreRefused(
    `The store ${folder} is locked by ${other.who}, and it cannot be seen from here whether that still runs. Once you are sure that no gate uses the store, on this machine or another, delete ${lockFile(folder, other.token)} and start again.${isUnnamed ? ' There is no /etc/machine-id here, by which a machine that was started anew is known to be the same: in a container mount that of the host, read-only.' : ''}`,
  );
}

/** Until nobody else is there. Of several that only contend, the one with the smallest token stays and the others give way. */
async function outlast(folder: string, token: string, identity: ProcessIdentity): Promise<void> {
  for (let step = 0; ; step += 1) {
    const [other, ...more] = await lookAround(folder, token, identity);
    if (other === undefined) return;
    const mayOutlast = [other, ...more].every(one => one.state === 'alive' && token < one.token);
    if (!mayOutlast || step === PATIENCE_STEPS) throw refusal(folder, other, identity);
    await pause(PATIENCE_STEP_MS);
  }
}

/**
 * Takes the folder for this process.
 * @throws StoreRefused naming folder and holder, if another process has it or may have it.
 */
export async function lockFolder(
  folder: string,
  identity: ProcessIdentity = ownIdentity(),
): Promise<FolderLock> {
  const token = freshId().slice(-12);
  const where = socketPath(folder, token);
  const server = where === undefined ? undefined : await listen(where);
  const release = async (): Promise<void> => {
    await rm(lockFile(folder, token), { force: true });
    // Closing removes the socket's file too.
    await new Promise(resolve => (server === undefined ? resolve(undefined) : server.close(resolve)));
  };
  try {
    await publish(folder, token, { ...identity, listens: server !== undefined });
    await outlast(folder, token, identity);
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}
