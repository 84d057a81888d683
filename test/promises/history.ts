import type { ActionName } from './gates.ts';
import type { Said } from './said.ts';
import type { Manner } from './told-executor.ts';

/* What happened, as whoever did it knows: what was asked, loaded and said, and what reached the executor. */

export interface Host {
  readonly region: string;
  readonly rack: string;
  readonly state: string;
  readonly team: string;
  readonly quarantinedAtMs?: number;
  readonly traffic: number;
}

export interface Asked {
  readonly by: string;
  readonly action: ActionName;
  readonly ids: readonly string[];
  readonly artifact?: string;
  readonly generation?: number;
}

export type State = 'waiting' | 'wire' | 'accepted' | 'delivered' | 'refused' | 'unknown' | 'stopped';

export interface Operation extends Asked {
  readonly id: string;
  atMs: number;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly said: Said;
  readonly exception: string | undefined;
  state: State;
  wasUnknown: boolean;
  /** Times at which it came to the executor. */
  readonly came: number[];
  settledMs: number;
  /** Ids of which the inventory has shown what was done. */
  readonly shown: Set<string>;
  readonly seq: number;
}

export interface Seen {
  readonly artifact: string;
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'unknown';
  readonly of?: string;
  readonly by: string;
  readonly atMs: number;
  readonly order: number;
}

export interface Stopping {
  readonly id: string;
  readonly action?: ActionName;
  readonly region?: string;
  readonly except: readonly string[];
}

/** A decision that is recorded, whatever it was. */
interface Recorded {
  readonly action: ActionName;
  readonly by: string;
  readonly atMs: number;
  /** Limits that refused it themselves. */
  readonly refusing: readonly string[];
}

export const TEAMS: Readonly<Record<string, string>> = { bot: 'core', 'other-bot': 'edge', watcher: 'core' };

export const sameLabels = (one: Host | undefined, other: Host | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  one.region === other.region &&
  one.rack === other.rack &&
  one.state === other.state &&
  one.team === other.team &&
  one.quarantinedAtMs === other.quarantinedAtMs;

/** Allowed, and neither settled nor given up. */
export const isBusy = ({ state }: Operation): boolean =>
  state === 'waiting' || state === 'wire' || state === 'accepted' || state === 'unknown';

export class History {
  nowMs: number;
  asOfMs = 0;
  /** The database's clock is off, and nobody has said which is right. */
  jumped = false;
  hosts = new Map<string, Host>();
  said: Said;
  readonly operations: Operation[] = [];
  readonly seen: Seen[] = [];
  engaged: Stopping[] = [];
  readonly recorded: Recorded[] = [];
  #patches: { readonly id: string; readonly atMs: number; readonly host: Host | undefined }[] = [];
  #orders = 0;
  readonly wrong: string[] = [];

  constructor(said: Said, nowMs: number) {
    this.said = said;
    this.nowMs = nowMs;
  }

  order(): number {
    return (this.#orders += 1);
  }

  loaded(hosts: ReadonlyMap<string, Host>, asOfMs: number): void {
    const later = new Map(
      this.#patches.filter(({ atMs }) => atMs > asOfMs).map(({ id, host }) => [id, host] as const),
    );
    const next = new Map(hosts);
    for (const [id, host] of later)
      if (host === undefined) next.delete(id);
      else next.set(id, host);
    this.hosts = next;
    this.asOfMs = asOfMs;
    for (const operation of this.operations)
      for (const [id, then] of operation.hosts)
        if (!later.has(id)) this.#show(operation, id, then, next.get(id), asOfMs);
  }

  patched(changes: ReadonlyMap<string, Host | undefined>): void {
    for (const [id, host] of changes) {
      this.#patches.push({ id, atMs: this.nowMs, host });
      if (host === undefined) this.hosts.delete(id);
      else this.hosts.set(id, host);
      for (const operation of this.operations) {
        const then = operation.hosts.get(id);
        if (then !== undefined) this.#show(operation, id, then, host, this.nowMs);
      }
    }
  }

  #show(operation: Operation, id: string, then: Host, now: Host | undefined, asOfMs: number): void {
    if (operation.state !== 'delivered' || asOfMs <= operation.settledMs) return;
    if (operation.action !== 'disk.wipe' || !sameLabels(then, now)) operation.shown.add(id);
  }

  ended(operation: Operation, manner: Manner): void {
    const to = (state: State): void => {
      operation.state = state;
      if (state === 'delivered' || state === 'refused') operation.settledMs = this.nowMs;
    };
    if (manner === 'ok') to('delivered');
    else if (manner === 'accept') to('accepted');
    else if (manner === 'hold') to('wire');
    else if (manner === 'refuse') to(operation.wasUnknown ? 'unknown' : 'refused');
    else {
      operation.wasUnknown = true;
      to('unknown');
    }
  }

  accepted(atMs: number): void {
    for (const one of [...this.operations, ...this.recorded, ...this.seen, ...this.#patches] as {
      atMs: number;
    }[])
      one.atMs = Math.min(one.atMs, atMs);
    for (const one of this.operations) one.settledMs = Math.min(one.settledMs, atMs);
    this.asOfMs = Math.min(this.asOfMs, atMs);
  }
}
