import { freshId } from '../kit/ids.ts';
import type { DemoPrincipal } from './demo-files.ts';
import { remainingDisks, type Machine } from './fleet.ts';
import { listAt, textAt, type GateClient, type Reply } from '../scratch/gate-client.ts';
import type { Teller } from './teller.ts';

/** What the scenes play with: the real gate, the real tool, the real files. */
export interface Rig {
  readonly teller: Teller;
  readonly gate: GateClient<DemoPrincipal>;
  readonly tool: {
    readonly url: string;
    readonly key: string;
    finishReboots(): void;
  };
  readonly fleet: readonly Machine[];
  readonly disksFolder: string;
  /** Ids of the refusals so far: what the auditor must find. */
  readonly refused: Set<string>;
}

export interface Asking {
  readonly as: DemoPrincipal;
  readonly action: 'disk.wipe' | 'machine.reboot';
  /** Whatever a client might send. */
  readonly targets: unknown;
  readonly reason: string;
  /** The idempotency key; a fresh one if none is given. */
  readonly key?: string;
  readonly prefer?: string;
}

/** `POST /v1/requests`. A refusal is noted for the auditor. */
export async function ask(rig: Rig, asking: Asking): Promise<Reply> {
  const reply = await rig.gate.call(asking.as, 'POST', '/v1/requests', {
    json: { action: asking.action, targets: asking.targets, reason: asking.reason },
    headers: {
      'idempotency-key': asking.key ?? freshId(),
      ...(asking.prefer === undefined ? {} : { prefer: asking.prefer }),
    },
  });
  const id = textAt(reply.body, 'id');
  if (textAt(reply.body, 'decision') === 'refused' && id !== '') rig.refused.add(id);
  return reply;
}

/** The same, told: who asked for what, and what came back. */
export async function askAloud(rig: Rig, asking: Asking): Promise<Reply> {
  const reply = await ask(rig, asking);
  rig.teller.exchange(asking.as, `${asking.action} ${inShort(asking.targets)}`, reply);
  return reply;
}

/** Targets as JSON; of a list of ids the first, and how many there are. */
function inShort(targets: unknown): string {
  const ids = listAt(targets, 'ids');
  if (ids.length <= 1) return JSON.stringify(targets);
  return `{"ids":[${JSON.stringify(ids[0])}, … ${ids.length} in all]}`;
}

/** Ids of the machines with all of these labels. */
export const idsWhere = (rig: Rig, labels: Readonly<Record<string, string>>): string[] =>
  rig.fleet
    .filter(machine => Object.entries(labels).every(([label, value]) => machine.labels[label] === value))
    .map(machine => machine.id);

/** Ids of the machines whose disks are gone, by the file system's word, sorted. */
export async function goneDisks(rig: Rig): Promise<string[]> {
  const remaining = await remainingDisks(rig.disksFolder);
  return rig.fleet
    .map(machine => machine.id)
    .filter(id => !remaining.has(id))
    .toSorted();
}

/** How many targets the tool was sent in each call of this path, by its own word. */
export async function toolCalls(rig: Rig, path: '/wipe' | '/reboot'): Promise<number[]> {
  const response = await fetch(`${rig.tool.url}/calls`, {
    headers: { authorization: `Bearer ${rig.tool.key}` },
  });
  const calls = listAt(await response.json(), 'calls');
  return calls.filter(call => textAt(call, 'path') === path).map(call => Number(textAt(call, 'targets')));
}

/** Asks again and again until it is so; false when it is not within ten seconds. */
export async function until(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await isSo()) return true;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return false;
}
