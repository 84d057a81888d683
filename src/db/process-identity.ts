import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { codeOf } from '../kit/fault.ts';

/** What tells one process from all others, also from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Repeats: pods of a set, machines called `localhost`. */
  readonly host: string;
  /** Of the installed system, the same after each of its starts. Not there everywhere, in containers least of all. */
  readonly machineId?: string | undefined;
  /** Of the running kernel: another one means that the machine was started anew. */
  readonly bootId?: string | undefined;
  /** Start of the process, in clock ticks since boot. */
  readonly startTicks?: string | undefined;
  /** Where `pid` counts. Each container has its own, and is pid 1 there. */
  readonly pidNamespace?: string | undefined;
}

/** Where Linux tells about processes. Elsewhere there is none, and less is known. */
const PROC = '/proc';

/** Where systemd tells one machine from all others. Images hold an empty one, or a word, for none. */
const MACHINE_ID = '/etc/machine-id';

function attempt(read: () => string): string | undefined {
  try {
    return read().trim();
  } catch {
    return undefined;
  }
}

/** State and start of a process: fields 3 and 22 of its `stat`, whose second field may hold blanks and brackets. */
function readStat(proc: string, pid: number): { state: string; startTicks: string } | undefined {
  const stat = attempt(() => readFileSync(path.join(proc, String(pid), 'stat'), 'utf8'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}

function readMachineId(file: string): string | undefined {
  const text = attempt(() => readFileSync(file, 'utf8'));
  return text !== undefined && /^[0-9a-f]{32}$/.test(text) && !/^0+$/.test(text) ? text : undefined;
}

export function ownIdentity(proc: string = PROC, machineFile: string = MACHINE_ID): ProcessIdentity {
  const machineId = readMachineId(machineFile);
  const bootId = attempt(() => readFileSync(path.join(proc, 'sys/kernel/random/boot_id'), 'utf8'));
  const startTicks = readStat(proc, process.pid)?.startTicks;
  const pidNamespace = attempt(() => readlinkSync(path.join(proc, 'self/ns/pid')));
  return { pid: process.pid, host: hostname(), machineId, bootId, startTicks, pidNamespace };
}

/** EPERM is a process too: another user's. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

function isRunning(holder: ProcessIdentity, proc: string): boolean {
  if (!isThere(holder.pid)) return false;
  const now = readStat(proc, holder.pid);
  if (now === undefined || holder.startTicks === undefined) return true;
  // A zombie is dead, and keeps its pid until its parent looks.
  return now.startTicks === holder.startTicks && now.state !== 'Z' && now.state !== 'X';
}

/** Of this very machine, and not since it was started anew. A name that is the same says nothing: another machine may have it. */
const isEarlierBoot = (holder: ProcessIdentity, own: ProcessIdentity): boolean =>
  holder.bootId !== undefined &&
  own.bootId !== undefined &&
  holder.machineId !== undefined &&
  holder.machineId === own.machineId &&
  holder.host === own.host;

/**
 * Whether a process still lives, as far as this one can see. What cannot be seen is `unknown`, never `dead`.
 * @param listening whether something listens on the holder's socket; undefined if it had none. Seen from other
 *   containers too, where the pid says nothing.
 */
export function livenessOf(
  holder: ProcessIdentity,
  own: ProcessIdentity,
  listening: boolean | undefined,
  proc: string = PROC,
): 'alive' | 'dead' | 'unknown' {
  if (listening === true) return 'alive';
  if (holder.bootId !== own.bootId) return isEarlierBoot(holder, own) ? 'dead' : 'unknown';
  if (holder.bootId === undefined) {
    if (holder.host !== own.host) return 'unknown';
    return isRunning(holder, proc) ? 'alive' : 'dead';
  }
  if (holder.pidNamespace !== undefined && holder.pidNamespace === own.pidNamespace)
    return isRunning(holder, proc) ? 'alive' : 'dead';
  return listening === false ? 'dead' : 'unknown';
}
