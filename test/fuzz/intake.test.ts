import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  apiOf,
  expectDelivered,
  hosts,
  names,
  withNothingForwarded,
  type Answer,
  type Api,
} from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { hostileBodies } from './hostile-bodies.ts';

const HOSTS = 40;
const RUNS = byForm(150, 1_000);

describe('intake, given what nobody should send', () => {
  let executor: FakeExecutor;
  let gate: Gate;
  let api: Api;
  const known = new Set(names('h', HOSTS));

  beforeAll(async () => {
    executor = await startExecutor();
    gate = await startGate({ executor: executor.url });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', HOSTS));
    expect(loaded.status, loaded.text).toBe(200);
  });
  afterAll(async () => {
    await gate.close();
    await executor.close();
  });

  /** A problem with a rule that the gate has a page for, and nothing of its inside. */
  async function expectKnownProblem(answer: Answer): Promise<void> {
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/u);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).not.toMatch(/\n\s+at |\bat \S+ \(|node_modules|\.[jt]s:\d/u);
    const page = await api.get(answer.body.type ?? '/nowhere', { as: null });
    expect(page.status, answer.text).toBe(200);
  }

  const expectAlive = async (): Promise<void> => {
    await expectDelivered(api, await api.submit('test.act', ['h-040']));
  };

  it.each(hostileBodies.map(one => [one.name, one] as const))(
    'refuses %s',
    async (_, { content, statuses }) => {
      const answer = await withNothingForwarded(executor, async () => await api.ask(content));
      expect(statuses).toContain(answer.status);
      await expectKnownProblem(answer);
    },
  );

  it('decides honest requests after all of them', async () => {
    await expectAlive();
  });

  /** What stood in a request that passed: only ids that there are, each once, and at least one. */
  function expectHonest(body: unknown): void {
    const targets = fieldOf(body, 'targets');
    const ids = fieldOf(targets, 'ids');
    if (!Array.isArray(ids)) throw new Error(`it passed without ids: ${JSON.stringify(body)}`);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter(id => !known.has(String(id)))).toEqual([]);
  }

  const fieldOf = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;

  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      null,
      '',
      ' ',
      '*',
      'all',
      [],
      {},
      [[]],
      [null],
      [''],
      'h-001',
      ['h-001', 'h-001'],
      0,
      true,
    ),
    fc.constantFrom('h-00?', 'h-001,h-002', '%', '.*', 'h-001\u0000', '\u202eh-001'),
  );
  const place = fc.constantFrom(
    'action',
    'targets',
    'targets.ids',
    'reason',
    'parameters',
    'ticket',
    'other',
  );

  /** An honest request with a part of it replaced, or left out. */
  const nearlyHonest = fc.tuple(place, fc.option(odd)).map(([at, value]) => {
    const body: Record<string, unknown> = {
      action: 'test.act',
      targets: { ids: ['h-001', 'h-002'] },
      reason: 'a test',
    };
    if (at === 'targets.ids') body['targets'] = value === null ? {} : { ids: value };
    else if (value === null) delete body[at];
    else body[at] = value;
    return body;
  });

  it('lets nothing pass of a request with one part spoilt, but what is honest after all', async () => {
    await fc.assert(
      fc.asyncProperty(nearlyHonest, async body => {
        const answer = await api.ask(body);
        if (answer.status === 200) expectHonest(body);
        else await expectKnownProblem(answer);
      }),
      { numRuns: RUNS },
    );
    await expectAlive();
  });

  const text = JSON.stringify({ action: 'test.act', targets: { ids: ['h-003'] }, reason: 'a test' });
  const spliced = fc
    .tuple(fc.nat(text.length), fc.nat(4), fc.uint8Array({ maxLength: 4 }))
    .map(([at, length, bytes]) =>
      Uint8Array.from([...Buffer.from(text.slice(0, at)), ...bytes, ...Buffer.from(text.slice(at + length))]),
    );

  it('lets nothing pass of a request with some bytes replaced, but what is honest after all', async () => {
    await fc.assert(
      fc.asyncProperty(spliced, async bytes => {
        const answer = await api.ask(bytes);
        if (answer.status === 200) expectHonest(JSON.parse(Buffer.from(bytes).toString('utf8')));
        else await expectKnownProblem(answer);
      }),
      { numRuns: RUNS },
    );
    await expectAlive();
  });

  it('refuses any bytes, and any JSON', async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map(bytes => Uint8Array.from(bytes)),
      fc.json({ maxDepth: 4 }),
    );
    await withNothingForwarded(executor, async () => {
      await fc.assert(
        fc.asyncProperty(anything, async content => {
          const answer = await api.ask(content);
          expect([400, 422]).toContain(answer.status);
          await expectKnownProblem(answer);
        }),
        { numRuns: RUNS },
      );
    });
    await expectAlive();
  });

  it('changes nothing of the inventory by a load that is refused', async () => {
    const line = JSON.stringify(hosts('h', 1)[0]);
    const lines = fc
      .tuple(fc.nat(line.length), fc.nat(6), fc.string({ maxLength: 4, unit: 'binary' }))
      .map(([at, length, more]) => `${line.slice(0, at)}${more}${line.slice(at + length)}\n`);
    await fc.assert(
      fc.asyncProperty(lines, fc.constantFrom('put', 'patch'), async (content, method) => {
        const was = await api.kind('host');
        const answer = method === 'put' ? await api.put('host', content) : await api.patch('host', content);
        if (answer.status === 200) return;
        await expectKnownProblem(answer);
        const { age_s: _was, ...before } = was ?? { age_s: 0 };
        const { age_s: _is, ...after } = (await api.kind('host')) ?? { age_s: 0 };
        expect(after).toEqual(before);
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    );
  });
});
