import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectDelivered, expectProblem, hosts, names, until } from './support/api.ts';
import { byForm } from './support/form.ts';
import { principal, principalsFor, wideLimits, type Doc } from './support/gate.ts';
import { standing } from './support/standing.ts';

const ACTION = 'test.act';
const SLOW = 'test.slow';
/** How often it is loaded again under load. */
const TIMES = byForm(4, 8);
const actions: Doc = { [ACTION]: {}, [SLOW]: { executor: { concurrency: 1 } } };
const everybody = principalsFor([ACTION, SLOW]);
const on = standing({ config: { actions }, inventory: { host: hosts('h', 60) } });

const file = (name: string): string => join(on.gate.folder, name);
const limitsOf = (over: Doc): Doc => ({
  actions: { [ACTION]: { ...wideLimits, ...over }, [SLOW]: wideLimits },
});

const saidWhen = async (said: RegExp, step: () => void): Promise<Doc> => {
  const before = on.gate.logs().length;
  step();
  const lines = await until(
    async () => await Promise.resolve(on.gate.logs().slice(before)),
    logs => logs.some(({ msg }) => said.test(String(msg))),
  );
  return lines.find(({ msg }) => said.test(String(msg))) ?? {};
};
const sighup = (): void => void process.kill(on.gate.pid, 'SIGHUP');
const reloaded = async (): Promise<Doc> => await saidWhen(/^loaded again|^nothing was loaded/, sighup);
const revision = async (): Promise<unknown> => (await on.api.get('/v1/policy')).body.revision;
const policyEntries = async () => (await on.api.audit()).filter(({ type }) => type === 'policy');

/** What the files were is what they are afterwards. */
const withFiles = async (change: () => void, run: () => Promise<void>): Promise<void> => {
  const kept = ['interlock.yaml', 'limits.yaml'].map(name => [name, readFileSync(file(name))] as const);
  change();
  try {
    await run();
  } finally {
    for (const [name, bytes] of kept) {
      rmSync(file(name), { recursive: true, force: true });
      writeFileSync(file(name), bytes);
    }
  }
};

describe('a gate that gets SIGHUP', () => {
  it('changes nothing, and says where it is wrong, when any of its files is', async () => {
    const before = (await on.api.get('/v1/policy')).text;
    const newcomer = [...everybody, principal('newcomer', ['auditor'])];
    const broken: readonly (readonly [string, () => void, RegExp])[] = [
      [
        'keys right, limits broken',
        () => on.gate.rewrite({ config: { actions, principals: newcomer }, limitsText: 'actions: [' }),
        /limits\.yaml/,
      ],
      [
        'limits of an unknown word',
        () => on.gate.rewrite({ limits: limitsOf({ max_target: 1 }) }),
        /is not a limit/,
      ],
      [
        'half a limits file',
        () => writeFileSync(file('limits.yaml'), readFileSync(file('limits.yaml')).subarray(0, 60)),
        /limits\.yaml/,
      ],
      ['no limits file', () => rmSync(file('limits.yaml')), /no such file/],
      ['an empty configuration', () => writeFileSync(file('interlock.yaml'), ''), /interlock\.yaml/],
      [
        'a folder for a configuration',
        () => {
          rmSync(file('interlock.yaml'));
          mkdirSync(file('interlock.yaml'));
        },
        /cannot be read/,
      ],
      ...['limits.yaml', 'interlock.yaml'].map((name): readonly [string, () => void, RegExp] => [
        `a pipe that nobody writes into for ${name}`,
        () => {
          rmSync(file(name));
          execFileSync('mkfifo', [file(name)]);
        },
        /it is a named pipe, and not a file/,
      ]),
      ['nobody at all', () => on.gate.rewrite({ config: { actions, principals: [] } }), /principals/],
    ];
    for (const [what, change, told] of broken) {
      await withFiles(change, async () => {
        const said = await reloaded();
        expect(said['msg'], what).toMatch(/^nothing was loaded/);
        expect(JSON.stringify(said['problems']), what).toMatch(told);
      });
      expect((await on.api.get('/v1/policy')).text, what).toBe(before);
    }
    expect((await on.api.get('/v1/policy', { as: 'newcomer' })).status).toBe(401);
  });

  it('says by name what cannot change without a restart, and changes nothing', async () => {
    const config = {
      kill_file: './OTHER',
      actions: {
        ...actions,
        [ACTION]: { executor: { url: 'http://127.0.0.1:9/elsewhere' } },
        'test.new': {},
      },
      principals: [...everybody, principal('newcomer', ['auditor'])],
    };
    const limits = { actions: { [ACTION]: wideLimits, [SLOW]: wideLimits, 'test.new': wideLimits } };
    await withFiles(
      () => on.gate.rewrite({ config, limits }),
      async () => {
        const said = JSON.stringify(await reloaded());
        for (const name of ['kill_file', `actions.${ACTION}`, 'actions.test.new'])
          expect(said).toContain(name);
        expect(said).not.toContain('elsewhere');
        expect((await on.api.get('/v1/policy', { as: 'newcomer' })).status).toBe(401);
      },
    );
  });

  it('knows new keys at the next request, and not those that are gone; what a removed principal asked before is finished', async () => {
    on.executor.behave({ type: 'hold' });
    const before = await policyEntries();
    const underWay = on.api.submit(ACTION, ['h-001'], { as: 'other-bot' });
    await on.executor.receivedAtLeast(1);
    const principals = [
      ...everybody.filter(one => one['name'] !== 'other-bot'),
      principal('newcomer', ['auditor']),
    ];
    on.gate.rewrite({ executor: on.executor.url, config: { actions, principals } });
    const said = await reloaded();
    expect(said['principals']).toEqual({ added: ['newcomer'], removed: ['other-bot'], changed: [] });
    expect((await on.api.get('/v1/policy', { as: 'newcomer' })).status).toBe(200);
    expectProblem(await on.api.submit(ACTION, ['h-002'], { as: 'other-bot' }), 401);
    on.executor.release();
    await expectDelivered(on.api, await underWay);
    expect(await policyEntries()).toEqual(before);
    on.executor.behave({ type: 'answer', status: 200 });
  });

  it('counts what was spent before by the new limits, and writes the revision into the audit trail', async () => {
    await expectDelivered(on.api, await on.api.submit(ACTION, names('h', 5, 10)));
    const before = await revision();
    const spent = (await on.api.get('/v1/budgets')).body.items?.find(({ per }) => per === 'fleet')?.used ?? 0;
    const windows = [{ per: 'fleet', over: '24h', max_targets: spent + 2 }];
    on.gate.rewrite({ executor: on.executor.url, limits: limitsOf({ windows }) });
    const said = await reloaded();
    expect(said).toMatchObject({ before, policy_revision: await revision() });
    expectProblem(await on.api.submit(ACTION, names('h', 3, 20)), 429, 'budget.window');
    const entry = (await policyEntries()).at(-1);
    expect(entry?.body).toMatchObject({ event: 'activate', before, digest: await revision() });
    await expectDelivered(on.api, await on.api.submit(ACTION, names('h', 2, 20)));
  });

  it('stops what waits and was allowed by the limits before; what is on the wire is finished', async () => {
    on.gate.rewrite({ executor: on.executor.url, limits: limitsOf({ max_targets: 40 }) });
    await reloaded();
    const already = on.executor.received().length;
    on.executor.behave({ type: 'hold' });
    const first = await on.api.submit(SLOW, ['h-030'], { prefer: 'respond-async' });
    await on.executor.receivedAtLeast(already + 1);
    const waiting = await on.api.submit(SLOW, ['h-031'], { prefer: 'respond-async' });
    on.gate.rewrite({ executor: on.executor.url, limits: limitsOf({ max_targets: 39 }) });
    await reloaded();
    on.executor.release();
    await on.api.untilOutcome(first.body.id, 'delivered');
    const stopped = await on.api.untilOutcome(waiting.body.id, 'stopped');
    expect(stopped.outcome?.rule).toBe('forward.drifted');
    expect(on.executor.received()).toHaveLength(already + 1);
    on.executor.behave({ type: 'answer', status: 200 });
    expectProblem(await on.api.submit(ACTION, names('h', 40)), 403, 'blast_radius.max_targets');
  });

  it('does not go back to limits that were replaced: that takes --activate', async () => {
    const before = await revision();
    await withFiles(
      () => on.gate.rewrite({ executor: on.executor.url, limits: limitsOf({ max_targets: 40 }) }),
      async () => {
        const said = await reloaded();
        expect(said['msg']).toMatch(/^nothing was loaded/);
        expect(JSON.stringify(said)).toContain('--activate');
        expect(await revision()).toBe(before);
      },
    );
    await expectDelivered(on.api, await on.api.submit(ACTION, ['h-040']));
  });

  it('many times under load answers every request, each wholly by one revision, in the order of the trail', async () => {
    let over = false;
    const statuses: number[] = [];
    const clients = Array.from({ length: 4 }, async (_, client) => {
      for (let turn = 0; !over; turn += 1)
        statuses.push(
          (await on.api.submit(ACTION, [names('h', 1, client * 10 + 1 + (turn % 10))[0] ?? ''])).status,
        );
    });
    const from = (await on.api.audit()).at(-1)?.seq ?? 0;
    for (let most = 100; most < 100 + TIMES; most += 1) {
      on.gate.rewrite({ executor: on.executor.url, limits: limitsOf({ max_targets: most }) });
      await saidWhen(/another policy revision, which is the active one now$/, () => {
        for (let again = 0; again < 3; again += 1) sighup();
      });
    }
    over = true;
    await Promise.all(clients);
    expect(statuses.length).toBeGreaterThan(20);
    expect(statuses.filter(status => status !== 200)).toEqual([]);
    const entries = await on.api.audit();
    let active = entries.filter(({ type, seq = 0 }) => type === 'policy' && seq <= from).at(-1)?.body?.[
      'digest'
    ];
    let activations = 0;
    for (const { type, body } of entries.filter(({ seq = 0 }) => seq > from)) {
      if (type === 'policy') {
        active = body?.['digest'];
        activations += 1;
      } else if (type === 'decision') expect(body?.['policy']).toEqual({ revision: active });
    }
    expect(activations).toBe(TIMES);
    expect(active).toBe(await revision());
  });
});
