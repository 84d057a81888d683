import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import type { Kind, Principal } from '../../src/config/config.ts';
import { EvidenceRoom, type EvidenceOptions, type EvidenceRequest } from '../../src/evidence/evidence.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import type { ActionLimits, Limits } from '../../src/policy/limits.ts';
import { gateParts, host, limits as plain, loadHosts, type Parts } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';
import type { Store } from '../../src/db/store.ts';

// What looks like a slip is recorded, and said.

let store: Store;
let parts: Parts;
/** Zones z0 and z1, and racks r0 to r19. */
beforeAll(async () => {
  store = await memoryStore();
  await loadHosts(store, 2_000);
  parts = await gateParts(store);
});
afterAll(async () => {
  await store.close();
});

const limitsOf = (more: Partial<ActionLimits>): Limits => {
  const wipe = plain.actions['disk.wipe'];
  if (wipe === undefined) throw new Error('the limits of a wipe are gone');
  return { ...plain, actions: { 'disk.wipe': wipe, 'config.push': { ...wipe, ...more } } };
};
const asking = limitsOf({
  require_evidence: [{ name: 'canary', max_age_s: 60 }],
  stages: [{ upto: { share_ppm: 1_000_000, at_least: 0 } }],
});
const inForce = { limits: asking, digest: 'sha256:policy' };

const by: Principal = { name: 'probe', keys: [], roles: new Set(['observer'] as const), actions: new Set() };
const passed: EvidenceRequest = { artifact: 'sha256:aa', name: 'canary', status: 'passed' };

async function warned(
  request: Partial<EvidenceRequest>,
  more: Partial<EvidenceOptions> = {},
): Promise<readonly string[]> {
  const { ledger } = parts;
  const kinds = new Map([['host', host]]);
  const room = new EvidenceRoom({ ledger, kinds, policy: inForce, ...more });
  const answer = await room.post({ ...passed, ...request }, by, () => true);
  if (isRefusal(answer)) throw new Error('it was refused');
  const { rows } = await sql<{ name: string; value: string }>`
    select name, value from evidence where seq = ${answer.seq}`.execute(store.db);
  expect(rows).toEqual([{ name: answer.name, value: answer.value ?? '' }]);
  const { warnings } = answer;
  if (warnings !== undefined) expect(warnings).not.toEqual([]);
  return warnings ?? [];
}
const ofZone = (value: string) => ({ dimension: 'zone', value });

describe('evidence', () => {
  it.each<[string, Partial<EvidenceRequest>]>([
    ['of the whole', {}],
    ['that a stage asks for', { name: 'health' }],
    ['of a value that a target has', ofZone('z1')],
    ['of a label whose values nobody counts', { dimension: 'state', value: 'nonsense' }],
  ])('%s is recorded without a warning', async (_what, request) => {
    expect(await warned(request)).toEqual([]);
  });

  it.each<[string, Partial<EvidenceRequest>, string[]]>([
    [
      'of a value that no target has',
      ofZone('z11'),
      ['No target of any kind has zone z11 now: did you mean z1?'],
    ],
    [
      'of a value that is near to none',
      ofZone('europe'),
      ['No target of any kind has zone europe now: there are z0 and z1.'],
    ],
    [
      'of a name that no limit asks for',
      { name: 'canry', status: 'failed' },
      ['No limit asks for evidence of the name canry: did you mean canary?'],
    ],
    [
      'of a name that is near to none',
      { name: 'smoke' },
      ['No limit asks for evidence of the name smoke: they ask for canary and health.'],
    ],
    [
      'of both',
      { name: 'helth', ...ofZone('z00') },
      [
        'No target of any kind has zone z00 now: did you mean z0?',
        'No limit asks for evidence of the name helth: did you mean health?',
      ],
    ],
  ])('%s is recorded, and said', async (_what, request, warnings) => {
    expect(await warned(request)).toEqual(warnings);
  });

  it('is told so where no limit asks for any, and where no target has any value', async () => {
    const none = { limits: limitsOf({}), digest: 'sha256:policy' };
    expect(await warned({}, { policy: none })).toEqual([
      'No limit asks for evidence of the name canary, nor for any other.',
    ]);
    const empty: Kind = { ...host, dimensions: [...host.dimensions, 'row'] };
    expect(await warned({ dimension: 'row', value: 'x' }, { kinds: new Map([['host', empty]]) })).toEqual([
      'No target of any kind has row x now.',
    ]);
  });

  it.each([
    ['without a policy', undefined],
    ['with another one than decides', { ...inForce, digest: 'sha256:another' }],
  ])('is not said to be asked for by nobody on a gate %s', async (_what, policy) => {
    expect(await warned({ name: 'canry' }, { policy })).toEqual([]);
  });

  it('of a label that is a dimension of one kind and a plain label of another is not doubted', async () => {
    const other: Kind = { ...host, name: 'other', dimensions: [], labels: ['zone'] };
    const kinds = new Map([
      ['host', host],
      ['other', other],
    ]);
    expect(await warned(ofZone('z11'), { kinds })).toEqual([]);
  });

  it('of a dimension is doubted also where there are kinds that do not declare it', async () => {
    const other: Kind = { ...host, name: 'other', dimensions: [] };
    const kinds = new Map([host, other].map(kind => [kind.name, kind]));
    expect(await warned(ofZone('z11'), { kinds })).toHaveLength(1);
  });
});
