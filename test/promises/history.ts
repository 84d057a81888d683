import type { ActionName } from './gates.ts';
import type { Said } from './said.ts';
import { Story, type Told } from './story.ts';

/* And what was loaded and recorded, of a fleet that one source brings. */

export interface Host {
  readonly region: string;
  readonly rack: string;
  readonly state: string;
  readonly team: string;
  readonly quarantinedAtMs?: number;
  readonly traffic: number;
}

export interface Operation extends Told {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly said: Said;
  readonly exception: string | undefined;
  /** Ids of which the inventory has shown what was done. */
  readonly shown: Set<string>;
}

/** A decision that is recorded, whatever it was. */
interface Recorded {
  readonly action: ActionName;
  readonly by: string;
  atMs: number;
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

export abstract class History extends Story<Operation> {
  asOfMs = 0;
  hosts = new Map<string, Host>();
  said: Said;
  readonly recorded: Recorded[] = [];
  readonly #patches: { readonly id: string; atMs: number; readonly host: Host | undefined }[] = [];

  constructor(said: Said, nowMs: number) {
    super(nowMs);
    this.said = said;
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

  override accepted(atMs: number): void {
    super.accepted(atMs);
    for (const one of [...this.recorded, ...this.#patches]) one.atMs = Math.min(one.atMs, atMs);
    this.asOfMs = Math.min(this.asOfMs, atMs);
  }
}
