/*
 * Examples of what is asked, for the configuration of the README: `machine.decommission` on hosts. test/api submits each of
 * them to a gate that stands so.
 */

/** By ids, and by a selector. */
export const requests = {
  ids: {
    summary: 'Two hosts by their ids',
    value: {
      action: 'machine.decommission',
      targets: { ids: ['host-0412', 'host-0413'] },
      reason: 'rack r12 is retired',
      ticket: 'DC-4711',
      on_behalf_of: 'jo@example.com',
    },
  },
  selector: {
    summary: 'A selector, with the number of hosts that it is believed to stand for',
    value: {
      action: 'machine.decommission',
      targets: { selector: { rack: 'r13', state: ['decommissioning'] }, expect: 2 },
      reason: 'rack r13 is retired',
    },
  },
} as const;

export const reports = {
  delivered: { summary: 'It was done', value: { status: 'delivered', reason: 'seen in the rack' } },
  refused: { summary: 'It was not done, and will not be', value: { status: 'refused' } },
} as const;

export const engages = {
  everything: { summary: 'Stop everything', value: { reason: 'something is wiping the fleet' } },
  action: {
    summary: 'Stop one action, but for one requester',
    value: {
      scope: { action: 'machine.decommission' },
      reason: 'wrong hosts were named',
      except: ['decom-bot'],
    },
  },
  value: {
    summary: 'Stop whatever touches one region',
    value: { scope: { dimension: 'region', value: 'eu' }, reason: 'eu is draining' },
  },
} as const;

export const reasons = {
  reason: { summary: 'Why', value: { reason: 'looked at with the database team' } },
} as const;

const labels = {
  region: 'eu',
  zone: 'eu-1',
  cluster: 'c3',
  rack: 'r12',
  role: 'web',
  state: 'decommissioning',
  owner: 'team-a',
};

const hosts = [
  { id: 'host-0412', labels },
  { id: 'host-0413', labels },
  { id: 'host-0500', labels: { ...labels, rack: 'r13' } },
  { id: 'host-0501', labels: { ...labels, rack: 'r13' } },
];

const lines = (list: readonly object[]): string => list.map(one => `${JSON.stringify(one)}\n`).join('');

export const snapshots = {
  ndjson: { summary: 'Four hosts', value: lines(hosts) },
  csv: {
    summary: 'The same hosts; the header is `id` and the labels',
    value: [['id', ...Object.keys(labels)], ...hosts.map(host => [host.id, ...Object.values(host.labels)])]
      .map(cells => `${cells.join(',')}\n`)
      .join(''),
  },
} as const;

export const changes = {
  ndjson: {
    summary: 'One host set, one taken out',
    value: lines([
      { id: 'host-0502', labels },
      { id: 'host-0501', removed: true },
    ]),
  },
} as const;
