import { createHash, randomUUID } from 'node:crypto';
import canonicalize from 'canonicalize';
import { beforeAll, describe, expect, it } from 'vitest';
import { host, hosts, type Body } from '../support/api.ts';
import { standing } from '../support/standing.ts';

// The audit trail, its types, and the chain that an outsider can compute again.

const on = standing({
  store: 'embedded',
  config: { actions: { 'test.act': {}, 'test.odd': {} } },
  inventory: { host: hosts('host', 10) },
  script: ({ body }) => ({ type: 'answer', status: body.includes('"test.odd"') ? 500 : 200 }),
});

const ids: Record<'delivered' | 'refused' | 'odd' | 'preflight' | 'switch', string> = {
  delivered: '',
  refused: '',
  odd: '',
  preflight: '',
  switch: '',
};
beforeAll(async () => {
  const fields = { reason: 'r\u00e4um auf, "jetzt" \u{1f4a5} </script>', ticket: 'T-1' };
  ids.delivered = (await on.api.submit('test.act', ['host-001'], { fields })).body.id ?? '';
  ids.refused = (await on.api.submit('test.act', {})).body.id ?? '';
  ids.odd = (await on.api.submit('test.odd', ['host-002'])).body.id ?? '';
  await on.api.outcome(ids.odd, { status: 'delivered', reason: 'seen' });
  ids.preflight = (await on.api.preflight('test.act', ['host-003'])).body.id ?? '';
  ids.switch = (await on.api.engage({ reason: 'smoke' })).body.id ?? '';
  await on.api.submit('test.act', ['host-004']);
  await on.api.release(ids.switch, 'steam');
  await on.api.patch('host', [host('host-005', { rack: 'r2' })]);
});

const expectChain = (entries: readonly Body[]): void => {
  let prev = `sha256:${'0'.repeat(64)}`;
  for (const [index, entry] of entries.entries()) {
    const { seq, at, type, body } = entry;
    expect(entry.prev).toBe(prev);
    expect(seq).toBe(index + 1);
    const hash = createHash('sha256')
      .update(canonicalize({ seq, at, type, body, prev }) ?? '')
      .digest('hex');
    expect(entry.hash, `entry ${seq}`).toBe(`sha256:${hash}`);
    prev = entry.hash ?? '';
  }
};

describe('the audit trail', () => {
  it('is one chain without a gap, from a first entry whose prev is all zeros', async () => {
    const entries = await on.api.audit();
    expect(entries.length).toBeGreaterThan(8);
    expectChain(entries);
    const times = entries.map(entry => Date.parse(entry.at ?? ''));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('has the six fields and no other', async () => {
    const entries = await on.api.audit();
    expect(entries).not.toEqual([]);
    for (const entry of entries) {
      expect(Object.keys(entry).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
        'at',
        'body',
        'hash',
        'prev',
        'seq',
        'type',
      ]);
      expect(['decision', 'outcome', 'kill_switch', 'inventory', 'policy', 'clock', 'evidence']).toContain(
        entry.type,
      );
      expect(entry.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
    }
  });

  it('holds policy, inventory, decisions, outcomes and switches in the order in which they came', async () => {
    const types = (await on.api.audit()).map(entry => entry.type);
    expect(types.slice(0, 2)).toEqual(['policy', 'inventory']);
    const rest = types.slice(2);
    expect(rest.filter(type => type === 'decision')).toHaveLength(4);
    expect(rest.filter(type => type === 'kill_switch')).toHaveLength(2);
    expect(rest.filter(type => type === 'outcome').length).toBeGreaterThanOrEqual(3);
    expect(rest.at(-1)).toBe('inventory');
  });

  it('holds every decision whole, refused ones too, and no pre-flight', async () => {
    const entries = await on.api.audit();
    const find = (id: string): Body | undefined =>
      entries.find(entry => entry.type === 'decision' && entry.body?.['id'] === id);
    const { outcome: _outcome, ...record } = await on.api.request(ids.delivered);
    expect(find(ids.delivered)?.body).toMatchObject({
      decision: 'allowed',
      principal: 'bot',
      targets: record.targets,
      ticket: 'T-1',
    });
    expect(find(ids.refused)?.body).toMatchObject({
      decision: 'refused',
      reasons: [expect.objectContaining({ rule: 'targets.empty' })],
    });
    expect(JSON.stringify(entries)).not.toContain(ids.preflight);
  });

  it('does not grow by reads, pre-flights and repeats', async () => {
    const key = randomUUID();
    await on.api.submit('test.act', ['host-006'], { key });
    const before = (await on.api.audit()).length;
    await on.api.submit('test.act', ['host-006'], { key });
    await on.api.preflight('test.act', ['host-006']);
    await on.api.search({});
    await on.api.get('/v1/policy');
    expect((await on.api.audit()).length).toBe(before);
  });

  it('comes page by page and as NDJSON, the same', async () => {
    const entries = await on.api.audit();
    const first = await on.api.get('/v1/audit?limit=3');
    expect(first.body.items).toEqual(entries.slice(0, 3));
    const second = await on.api.get(`/v1/audit?limit=3&cursor=${encodeURIComponent(first.body.next ?? '')}`);
    expect(second.body.items).toEqual(entries.slice(3, 6));
    const stream = await on.api.get('/v1/audit', { headers: { accept: 'application/x-ndjson' } });
    expect(stream.headers.get('content-type')).toMatch(/^application\/x-ndjson/u);
    expect(
      stream.text
        .trimEnd()
        .split('\n')
        .map((row): unknown => JSON.parse(row)),
    ).toEqual(entries);
  });
});
