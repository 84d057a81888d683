import { expect, it } from 'vitest';
import { inOrder } from '../../src/api/order.ts';
import { canonicalJson } from '../../src/kit/canonical-json.ts';

const radius = { total: 40, share_ppm: 50_000, count: 2 };
const weights = {
  traffic: { total: 900, share_ppm: 10_000, weight: 9 },
  heat: { weight: 1, share_ppm: 1, total: 9 },
};
const document = {
  decided_at: '2026-11-28T09:41:07.318Z',
  reasons: [{ limit: 1, rule: 'blast_radius.max_values', unit: 'values', message: 'Two.', measured: 2 }],
  blast_radius: {
    zone: [{ ...radius, value: 'z1', weights, remaining: 30 }],
    fleet: { weights, ...radius },
    cluster: [{ value: 'c1', ...radius }],
  },
  parameters: { b: [{ z: 1, y: { d: null, c: 2 } }], a: true },
  effects: { rows: { after: 1, before: 3 }, files: { before: 1, after: 2 } },
  plan: { generation: 3, name: 'p' },
  asserts: { zone: 'z1', owner: 'team-a' },
  selector: { zone: ['z1'], rack: ['r2', 'r1'] },
  evidence: [{ at: '2026-11-28T09:41:07.318Z', by: 'observer', name: 'canary', seq: 7, status: 'passed' }],
  outcome: { settled_at: '2026-11-28T09:41:07.318Z', status: 'delivered' },
  made_up: 1,
  id: '0d2f8a52-7c1e-4f6b-9a3d-5e8b1c7f2a40',
};

it('a decision is one text, fresh or read back from its canonical form, in the order of the schema', () => {
  const stored: object = JSON.parse(canonicalJson(document));
  expect(JSON.stringify(stored)).not.toBe(JSON.stringify(document));
  expect(JSON.stringify(inOrder(stored))).toBe(JSON.stringify(inOrder(document)));
  expect(inOrder(document)).toEqual(document);
  expect(Object.keys(inOrder(document))).toEqual([
    ...['id', 'parameters', 'selector', 'asserts', 'plan', 'effects', 'blast_radius', 'evidence', 'reasons'],
    ...['decided_at', 'outcome', 'made_up'],
  ]);
  expect(inOrder(document)).toHaveProperty('blast_radius');
  expect(JSON.stringify(inOrder(document))).toContain('"blast_radius":{"fleet":{"count":2,"total":40,');
});
