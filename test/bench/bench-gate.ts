import { NODE_FLAGS, type BenchServer } from './processes.ts';
import { keyOf, startGate, type Doc, type Gate } from '../support/gate.ts';

export const ACTION = 'bench.wipe';
/** Lets through what no careful entry would: many targets at once. */
export const SWEEP = 'bench.sweep';
const RACK = 40;

/** A careful entry, as a fleet would have it, with windows that the bench cannot fill. */
const limits: Doc = {
  actions: {
    [ACTION]: {
      max_targets: 100,
      max_share: { fleet: '2%', zone: '5%' },
      max_values: { region: 1, zone: 1, rack: 2 },
      require: { state: ['decommissioning'] },
      windows: [
        { per: 'fleet', over: '1h', max_targets: 100_000_000 },
        { per: 'region', over: '24h', max_targets: 100_000_000 },
        { per: 'principal', over: '1h', max_targets: 100_000_000 },
      ],
      max_requests: [{ per: 'principal', over: '1m', max: 100_000_000 }],
      max_in_flight: 10_000,
    },
    [SWEEP]: {
      max_targets: 200_000,
      max_share: { fleet: '100%' },
      require: 'any',
      windows: [{ per: 'fleet', over: '1h', max_targets: 100_000_000 }],
    },
  },
  budgets: [{ kind: 'host', per: 'fleet', over: '24h', max_targets: 100_000_000 }],
};

/** Every second rack is being decommissioned; the others serve. */
export const stateOf = (index: number): string =>
  Math.floor(index / RACK) % 2 === 0 ? 'decommissioning' : 'serving';

export const hostName = (index: number): string => `host-${String(index).padStart(7, '0')}`;

const lineOf = (index: number): string => {
  const rack = Math.floor(index / RACK);
  const zone = Math.floor(rack / 25);
  return `${hostName(index)},region-${zone % 3},zone-${zone},cluster-${Math.floor(rack / 5)},rack-${rack},web,${stateOf(index)},team-a\n`;
};

export async function loadHosts(gate: { readonly url: string }, count: number): Promise<void> {
  let csv = 'id,region,zone,cluster,rack,role,state,owner\n';
  for (let index = 0; index < count; index += 1) csv += lineOf(index);
  const answer = await fetch(`${gate.url}/v1/inventory/host?expect=${count}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${keyOf('feed')}`, 'content-type': 'text/csv' },
    body: csv,
  });
  if (answer.status !== 200) throw new Error(`the inventory was not loaded: ${await answer.text()}`);
}

export interface BenchGateOptions {
  /** A URL, or undefined for the embedded store. */
  readonly store?: string;
  readonly executor: string;
}

/** The real program, in a process of its own. */
export const startBenchGate = async ({ store, executor }: BenchGateOptions): Promise<Gate> =>
  await startGate({
    node: NODE_FLAGS,
    executor: `${executor}/do`,
    limits,
    ...(store !== undefined && { store }),
    config: { actions: { [ACTION]: { executor: { concurrency: 64 } }, [SWEEP]: {} } },
  });

/** A database of its own with so many hosts in force. They are loaded once a run, and copied. */
export async function databaseWithHosts(
  bench: BenchServer,
  executor: string,
  name: string,
  hosts: number,
): Promise<string> {
  const template = `hosts_${hosts}`;
  if (!(await bench.has(template))) {
    const gate = await startBenchGate({ executor, store: await bench.database(template) });
    await loadHosts(gate, hosts);
    await gate.stop();
    await gate.close();
  }
  return await bench.database(name, template);
}
