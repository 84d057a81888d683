/*
 * Examples of what is asked and answered, for the configuration of the README: `machine.decommission` on hosts.
 * test/api/examples.test.ts sends each of them to a gate that stands so, and holds its answers against these.
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

const { action, targets: _targets, ...said } = requests.ids.value;

const two = { count: 2, total: 4, share_ppm: 500_000 };
const twoOf = (value: string) => [{ value, ...two, remaining: 0 }];

/** Of a request by ids, on the snapshot below. */
export const decisions = {
  delivered: {
    summary: 'The two hosts, allowed and delivered',
    value: {
      id: '0d2f8a52-7c1e-4f6b-9a3d-5e8b1c7f2a40',
      mode: 'request',
      decision: 'allowed',
      action,
      principal: 'decom-bot',
      idempotency_key: 'job-4711',
      body_digest: 'sha256:1e03ff5a7c0851a257ec4c2390a88cb77f027b97c0aab89097fd4fd11002cfcf',
      ...said,
      targets: {
        count: 2,
        digest: 'sha256:48235d290ccb5d7dfe1cad144f6868ea08aa8709d61f42f98161b31a9cac7fcc',
      },
      labels_digest: 'sha256:a41e211af1bbe9a8339f04497f24bf5139ecb84a6b1990afe92c590d8e6d42be',
      irreversible: false,
      blast_radius: {
        fleet: two,
        cluster: twoOf('c3'),
        rack: [{ value: 'r12', count: 2, total: 2, share_ppm: 1_000_000, remaining: 0 }],
        region: twoOf('eu'),
        role: twoOf('web'),
        zone: twoOf('eu-1'),
      },
      reasons: [],
      policy: { revision: 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' },
      inventory: { revision: 17, age_s: 61 },
      decided_at: '2026-11-28T09:41:07.318Z',
      outcome: {
        status: 'delivered',
        http_status: 200,
        detail: 'The executor answered 200.',
        attempts: 1,
        settled_at: '2026-11-28T09:41:07.402Z',
      },
      status: 200,
    },
  },
} as const;

const EMPTY = '"/targets/ids" is an empty list. Nothing never means everything.';
const NAME_THEM = 'name the targets, as {"ids": ["host-0412"]}, or a selector with the number you expect';

export const refusals = {
  empty: {
    summary: 'The same request when its list of ids came empty',
    value: {
      type: '/problems/targets.empty',
      title: 'No targets',
      status: 422,
      detail: `${EMPTY} Would pass: ${NAME_THEM}.`,
      instance: '/v1/requests/7b9e4c10-2f5a-4d83-8c6e-1a0d9f3b5e72',
      id: '7b9e4c10-2f5a-4d83-8c6e-1a0d9f3b5e72',
      mode: 'request',
      decision: 'refused',
      action,
      principal: 'decom-bot',
      idempotency_key: 'job-4712',
      body_digest: 'sha256:01357527a5421b314c886d59cb5a3031a2972938a7f8e94e04c65d219e00920e',
      ...said,
      reasons: [{ rule: 'targets.empty', message: EMPTY, remedy: NAME_THEM, pointer: '/targets/ids' }],
      decided_at: '2026-11-28T09:44:52.067Z',
    },
  },
} as const;

export const reports = {
  delivered: { summary: 'It was done', value: { status: 'delivered', reason: 'seen in the rack' } },
  refused: { summary: 'It was not done, and will not be', value: { status: 'refused' } },
} as const;

export const cancellations = {
  why: { summary: 'Why it is taken back', value: { reason: 'the wrong rack' } },
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

export const evidence = {
  whole: {
    summary: 'A canary passed',
    value: { artifact: 'sha256:9f2c', name: 'canary', status: 'passed' },
  },
  value: {
    summary: 'It failed in one region',
    value: { artifact: 'sha256:9f2c', name: 'health', status: 'failed', dimension: 'region', value: 'eu' },
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
