import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One machine as the inventory has it. */
export interface Machine {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

const REGIONS = ['eu', 'us', 'asia'] as const;
const ZONES_A_REGION = 2;
const RACKS_A_ZONE = 50;
const RACKS_A_CLUSTER = 10;
const MACHINES_A_RACK = 40;

/** The racks that are really to be retired. All of them hold satellites. */
export const RETIRED_RACKS = ['eu-1-r07', 'us-1-r03', 'asia-2-r05'] as const;

/** What the machines of a zone's rack are for, by the rack's number, and who owns them. */
function roleOf(rack: number): readonly [role: string, owner: string] {
  if (rack <= 12) return ['satellite', 'edge'];
  if (rack <= 34) return ['web', 'frontend'];
  if (rack <= 44) return ['storage', 'storage'];
  if (rack <= 49) return ['batch', 'data'];
  return ['console', 'platform'];
}

/** 12,000 machines: three regions of two zones of fifty racks of forty. Always the same. */
export function makeFleet(): Machine[] {
  const machines: Machine[] = [];
  for (const region of REGIONS) {
    for (let z = 1; z <= ZONES_A_REGION; z += 1) {
      for (let r = 1; r <= RACKS_A_ZONE; r += 1) machines.push(...makeRack(region, `${region}-${z}`, r));
    }
  }
  return machines;
}

function makeRack(region: string, zone: string, number: number): Machine[] {
  const rack = `${zone}-r${pad(number)}`;
  const [role, owner] = roleOf(number);
  const cluster = `${zone}-c${Math.ceil(number / RACKS_A_CLUSTER)}`;
  const state = RETIRED_RACKS.some(one => one === rack) ? 'decommissioning' : 'serving';
  return Array.from({ length: MACHINES_A_RACK }, (_, i) => ({
    id: `${rack}-m${pad(i + 1)}`,
    labels: { region, zone, cluster, rack, role, state, owner },
  }));
}

const pad = (number: number): string => String(number).padStart(2, '0');

/** The fleet as `PUT /v1/inventory/host` takes it: one JSON object a line. */
export const inventoryLines = (machines: readonly Machine[]): string =>
  machines.map(machine => `${JSON.stringify(machine)}\n`).join('');

/** The file that stands for a machine's disk. */
export const diskFile = (folder: string, id: string): string => join(folder, `${id}.disk`);

/** Gives each machine a disk: a small file. */
export async function writeDisks(folder: string, machines: readonly Machine[]): Promise<void> {
  await mkdir(folder);
  for (let at = 0; at < machines.length; at += 200) {
    await Promise.all(
      machines
        .slice(at, at + 200)
        .map(({ id }) => writeFile(diskFile(folder, id), `All that ${id} knows. There is no other copy.\n`)),
    );
  }
}

/** The ids of the machines whose disks are still there, by the file system's word. */
export async function remainingDisks(folder: string): Promise<Set<string>> {
  const names = await readdir(folder);
  return new Set(names.filter(name => name.endsWith('.disk')).map(name => name.slice(0, -'.disk'.length)));
}
