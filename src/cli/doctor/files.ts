import { readdirSync, statSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../config/config.ts';
import { killFileEngages } from '../../kill-switch/kill-file.ts';
import { asError } from '../../kit/fault.ts';
import { showBytes } from '../show-bytes.ts';
import { findingsOf, type Finding } from './finding.ts';

/** Windows keeps rights elsewhere. */
const hasModes = process.platform !== 'win32';

const WRITE_OTHERS = 0o002;
const WRITE_GROUP = 0o020;
const READ_OTHERS = 0o004;
const READ_GROUP = 0o040;
const STICKY = 0o1000;

/** Whom the gate runs as; doctor is run as the same. */
export interface GateUser {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** Who may change what the gate believes, and who may read what must stay secret. */
export function checkPermissions(
  config: Config,
  user: GateUser = { uid: process.geteuid?.(), gid: process.getegid?.() },
): Finding[] {
  const believed = believedOf(config).flatMap(checkBelieved);
  const bearers = [...config.actions.values()].flatMap(({ executor }) => executor.bearerFile ?? []);
  const secrets = [...new Set([...bearers, `${config.checkpoints}.key`])];
  const secret = secrets.flatMap(file => checkSecret(file, user));
  const found = [...believed, ...secret, ...checkStoreUrl(config)];
  const { ok } = findingsOf('permissions');
  return found.length > 0
    ? found
    : [ok('nobody else may change the configuration, the limits or the policy, or read a key of the gate')];
}

/** What decides, and the folders of it: whoever may write a folder puts another file in a file's place. */
function believedOf({ file, limitsFile, policies }: Config): string[] {
  // A URL is not there, and so is nothing's folder.
  const bundle = statSync(policies, { throwIfNoEntry: false });
  const parts = bundle?.isDirectory() === true ? readdirSync(policies, { recursive: true }) : [];
  const files = [file, limitsFile, ...(bundle === undefined ? [] : [policies])];
  const inBundle = parts.map(part => path.join(policies, String(part)));
  return [...new Set([...files, ...inBundle, ...files.map(one => path.dirname(one))])];
}

function checkBelieved(file: string): Finding[] {
  const mode = modeOf(file);
  const { fail, warn } = findingsOf('permissions');
  if (mode === undefined) return [];
  // There nobody takes away what is another's.
  if ((mode & STICKY) !== 0) return [];
  if ((mode & WRITE_OTHERS) !== 0)
    return [fail(`anybody on this machine may change ${file}`, `chmod o-w ${file}`)];
  if ((mode & WRITE_GROUP) !== 0)
    return [warn(`the whole group may change ${file}`, `chmod g-w ${file}, unless that is meant`)];
  return [];
}

function checkSecret(file: string, user: GateUser): Finding[] {
  const mode = modeOf(file);
  const { fail, warn } = findingsOf('permissions');
  if (mode === undefined) return [];
  const { uid, gid } = statSync(file);
  const isOwn = uid === user.uid && uid !== 0;
  // Of a file that is root's, or another's, it would keep the gate itself from reading.
  const close = isOwn ? `chmod 600 ${file}` : `let the gate's user own it (chown), then chmod 600 ${file}`;
  const others = rightsOf(mode, READ_OTHERS, WRITE_OTHERS);
  if (others !== undefined)
    return [
      fail(`anybody on this machine may ${others} the key in ${file}`, `${close}, and replace the key`),
    ];
  const group = rightsOf(mode, READ_GROUP, WRITE_GROUP);
  // By its group alone the gate reads what is another's.
  if (group === undefined || (group === 'read' && !isOwn && gid === user.gid && user.uid !== 0)) return [];
  return [warn(`the whole group may ${group} the key in ${file}`, `${close}, unless that is meant`)];
}

function rightsOf(mode: number, read: number, write: number): string | undefined {
  if ((mode & read) === 0) return (mode & write) === 0 ? undefined : 'change';
  return (mode & write) === 0 ? 'read' : 'read and change';
}

/** A password in the URL of the store is as secret as a key. */
function checkStoreUrl({ file, store }: Config): Finding[] {
  if (store.type !== 'server' || new URL(store.url).password === '') return [];
  const mode = modeOf(file);
  if (mode === undefined || (mode & READ_OTHERS) === 0) return [];
  const { fail } = findingsOf('permissions');
  return [
    fail(
      `anybody on this machine may read the database's password in ${file}`,
      `chmod 640 ${file}, or take the password out of it (PGPASSFILE)`,
    ),
  ];
}

/** Undefined where it is not there, or modes say nothing: other checks look for that. */
function modeOf(file: string): number | undefined {
  if (!hasModes) return undefined;
  return statSync(file, { throwIfNoEntry: false })?.mode;
}

/** Whether the kill file can be made, and whether it engages this gate now. */
export function checkKillFile({ killFile }: Config): Finding[] {
  const { ok, warn, fail } = findingsOf('kill file');
  const folder = path.dirname(killFile);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true)
    return [fail(`its folder ${folder} is not there: this gate is engaged`, `mkdir ${folder}`)];
  if (killFileEngages(killFile))
    return [
      warn(
        `${killFile} is there: the gates of this configuration forward nothing`,
        `take it away when it is over: rm ${killFile}`,
      ),
    ];
  const open = hasModes && (found.mode & WRITE_OTHERS) !== 0 && (found.mode & STICKY) === 0;
  return open
    ? [warn(`anybody on this machine may take ${killFile} away again`, `chmod o-w ${folder}`)]
    : [ok(`touch ${killFile} stops this gate, the database away or not`)];
}

const MIB = 1024 * 1024;
const LEAST_BYTES = 64 * MIB;
const SOON_BYTES = 1024 * MIB;
const LEAST_FILES = 200;

/** Free space where the gate writes, once a disk. */
export async function checkDisk(config: Config): Promise<Finding[]> {
  const folders = [path.dirname(config.checkpoints)];
  if (config.store.type === 'embedded') folders.push(config.store.folder);
  const disks = new Map<number, string>();
  for (const folder of folders) disks.set((await stat(await nearestThere(folder))).dev, folder);
  return await Promise.all([...disks.values()].map(checkSpace));
}

async function checkSpace(folder: string): Promise<Finding> {
  const { ok, warn, fail, unknown } = findingsOf('disk');
  try {
    const where = await nearestThere(folder);
    const { bavail, bsize, blocks, ffree, files } = await statfs(where);
    const freeBytes = bavail * bsize;
    const said = `${showBytes(freeBytes)} free of ${showBytes(blocks * bsize)} for ${folder}`;
    const todo =
      'make room: on a full disk nothing can be recorded, and what is not recorded is not forwarded';
    if (freeBytes < LEAST_BYTES) return fail(said, todo);
    if (files > 0 && ffree < LEAST_FILES) return fail(`${ffree} inodes left for ${folder}`, todo);
    return freeBytes < SOON_BYTES ? warn(said, todo) : ok(said);
  } catch (thrown) {
    return unknown(`the free space for ${folder} cannot be read: ${asError(thrown).message}`, 'look with df');
  }
}

/** A store that is not made yet will stand on the disk of what is above it. */
async function nearestThere(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined);
  const above = path.dirname(folder);
  return found !== undefined || above === folder ? folder : await nearestThere(above);
}
