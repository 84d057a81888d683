import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  inventoryLines,
  makeFleet,
  remainingDisks,
  RETIRED_RACKS,
  writeDisks,
} from '../../src/demo/fleet.ts';

const fleet = makeFleet();
const countOf = (label: string, value: string): number =>
  fleet.filter(machine => machine.labels[label] === value).length;

it('has 12,000 machines with distinct names, 4,000 in each of three regions', () => {
  expect(new Set(fleet.map(machine => machine.id)).size).toBe(12_000);
  expect(['eu', 'us', 'asia'].map(region => countOf('region', region))).toEqual([4_000, 4_000, 4_000]);
});

it('has only the retired racks, all satellites, in decommissioning', () => {
  const retired = fleet.filter(machine => machine.labels['state'] === 'decommissioning');
  expect(new Set(retired.map(machine => machine.labels['rack']))).toEqual(new Set(RETIRED_RACKS));
  expect(new Set(retired.map(machine => machine.labels['role']))).toEqual(new Set(['satellite']));
  expect([retired.length, countOf('role', 'satellite')]).toEqual([120, 2_880]);
});

it('is one JSON object a line, with every label that the demo’s kind declares', () => {
  const lines = inventoryLines(fleet).split('\n');
  expect(lines.pop()).toBe('');
  expect(lines).toHaveLength(12_000);
  const first: unknown = JSON.parse(lines[0] ?? '');
  expect(
    Object.keys(first instanceof Object && 'labels' in first ? Object(first.labels) : {}).toSorted(),
  ).toEqual(['cluster', 'owner', 'rack', 'region', 'role', 'state', 'zone']);
});

it('has a file for each disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-'));
  try {
    const few = fleet.slice(0, 450);
    await writeDisks(join(folder, 'disks'), few);
    expect(await remainingDisks(join(folder, 'disks'))).toEqual(new Set(few.map(machine => machine.id)));
  } finally {
    await rm(folder, { recursive: true });
  }
});
