import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectProblem, hosts, until } from '../support/api.ts';
import { startAndFail, startGate, wideLimits, type Doc, type Gate } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The log: JSON lines on stderr, by which a request is found again, and in which nothing is that must stay secret.

const BEARER = 'bearer-of-the-tool-5e7';
const PASSWORD = 'pass-word-5e7';

const on = standing({
  config: { actions: { 'test.act': { executor: { bearer_file: './tool.key' } } } },
  prepare: folder => writeFileSync(join(folder, 'tool.key'), BEARER),
  inventory: { host: hosts('host', 20) },
  script: ({ body }) => ({ type: 'answer', status: body.includes('host-002') ? 500 : 200 }),
});

const linesWith = (gate: Gate, part: Doc): readonly Doc[] =>
  gate.logs().filter(line => Object.entries(part).every(([name, value]) => line[name] === value));
const untilLine = async (gate: Gate, part: Doc): Promise<Doc> => {
  const found = await until(
    async () => await Promise.resolve(linesWith(gate, part)),
    lines => lines.length > 0,
  );
  return found[0] ?? {};
};

describe('the id of a request', () => {
  it('is the one it came with, on its answer and on its line', async () => {
    const id = '7f3c.build-1188_a';
    const answer = await on.api.get('/v1/nothing', { headers: { 'x-request-id': id } });
    expectProblem(answer, 404);
    expect(answer.headers.get('x-request-id')).toBe(id);
    expect(answer.body.instance).toBe(`urn:x-request-id:${id}`);
    expect(await untilLine(on.gate, { request_id: id })).toMatchObject({ path: '/v1/nothing', status: 404 });
  });

  it('stands on what an operator does', async () => {
    const headers = { 'x-request-id': 'night-shift-1' };
    const engaged = await on.api.post('/v1/kill-switch', { reason: 'a drill' }, { as: 'operator', headers });
    expect(engaged.status, engaged.text).toBe(201);
    await on.api.post(
      `/v1/kill-switch/${engaged.body.id}/release`,
      { reason: 'it is over' },
      { as: 'operator', headers: { 'x-request-id': 'night-shift-2' } },
    );
    expect(await untilLine(on.gate, { msg: 'a kill switch is engaged' })).toMatchObject({
      request_id: 'night-shift-1',
      id: engaged.body.id,
      on_the_wire: [],
      on_the_wire_count: 0,
      stopped_count: 0,
    });
    expect(await untilLine(on.gate, { msg: 'a kill switch is released' })).toMatchObject({
      request_id: 'night-shift-2',
    });
    const unknown = await on.api.submit('test.act', ['host-002']);
    expectProblem(unknown, 504, 'executor.unknown');
    await on.api.post(
      `/v1/requests/${unknown.body.id}/outcome`,
      { status: 'delivered' },
      { as: 'operator', headers: { 'x-request-id': 'night-shift-3' } },
    );
    expect(await untilLine(on.gate, { msg: 'an outcome was reported' })).toMatchObject({
      request_id: 'night-shift-3',
      request: unknown.body.id,
      by: 'operator',
      status: 'delivered',
    });
    const late = await on.api.post(
      `/v1/requests/${unknown.body.id}/outcome`,
      { status: 'refused' },
      { as: 'operator' },
    );
    expect(late.body.outcome?.status).toBe('delivered');
    const contradicts = 'an outcome was reported that contradicts the one that holds: it stays as it was';
    expect(await untilLine(on.gate, { msg: contradicts })).toMatchObject({
      ...{ level: 40, by: 'operator', status: 'refused', outcome: 'delivered' },
    });
  });
});

describe('a key of an executor that cannot be read', () => {
  it('is named in the log alone', async () => {
    const file = join(on.gate.folder, 'tool.key');
    rmSync(file);
    const answer = await on.api.submit('test.act', ['host-003']);
    writeFileSync(file, BEARER);
    expect(answer.status, answer.text).toBe(502);
    expect(answer.text).not.toContain('tool.key');
    expect(await untilLine(on.gate, { level: 50 })).toMatchObject({
      msg: "an executor's key cannot be read: nothing was sent to it",
      err: { message: expect.stringContaining(file) },
    });
  });
});

describe('a start', () => {
  it('ends with "ready", where it answers and with which policy', async () => {
    expect(await untilLine(on.gate, { msg: 'ready' })).toMatchObject({
      address: on.gate.url,
      policy: 'activated',
    });
    expect(linesWith(on.gate, { msg: 'the first policy revision of this store is active' })).toHaveLength(1);
  });

  it('that changes what all gates decide with says so, with the revision before', async () => {
    const { body } = await on.api.get('/v1/policy');
    on.gate.rewrite({ limits: { actions: { 'test.act': { ...wideLimits, max_targets: 3 } } } });
    await on.gate.restart();
    const [line] = on.gate.logs().filter(({ msg }) => String(msg).startsWith('this start has made another'));
    expect(line).toMatchObject({ level: 40, before: body.revision });
    const after = await on.api.get('/v1/policy');
    expect(line?.['policy_revision']).toBe(after.body.revision);
    expect(after.body.revision).not.toBe(body.revision);
  });

  it('that fails says everything twice: as text, and as a JSON line for what collects the log', async () => {
    const exit = await startAndFail({
      config: {
        colour: 'red',
        principals: [{ name: 'bot', keys: [PASSWORD], roles: ['requester'], actions: ['test.act'] }],
        actions: { 'test.act': { executor: { url: `http://u:${PASSWORD}@h` } } },
      },
    });
    expect(exit.code, exit.stderr).toBe(2);
    const [last = '', ...more] = exit.stderr.split('\n').filter(line => line.startsWith('{'));
    expect(more).toEqual([]);
    const line: { level: number; msg: string; problems: { path: string; line: number }[] } = JSON.parse(last);
    expect(line.level).toBe(60);
    expect(line.msg).toBe('the gate did not start: a file is not as it must be');
    expect(line.problems.map(({ path }) => path).toSorted()).toEqual([
      'actions.test.act.executor.url',
      'colour',
      'principals[0].keys[0]',
    ]);
    for (const problem of line.problems) expect(exit.stderr).toContain(`interlock.yaml:${problem.line}: `);
    expect(exit.stderr).not.toContain(PASSWORD);
  });
});

describe('no line of the log', () => {
  it('holds a key, right or wrong, or what the gate shows to an executor', async () => {
    const wrong = 'wrong-key-5e7';
    const headers = { authorization: `Bearer ${wrong}` };
    expect((await on.api.get(`/v1/policy?key=${wrong}`, { as: null, headers })).status).toBe(401);
    expect((await on.api.get('/v1/policy', { as: null, headers: { authorization: wrong } })).status).toBe(
      401,
    );
    expect((await on.api.submit('test.act', ['host-005'])).status).toBe(200);
    expect(on.executor.received().at(-1)?.headers['authorization']).toBe(`Bearer ${BEARER}`);
    writeFileSync(join(on.gate.folder, 'tool.key'), '');
    expect((await on.api.submit('test.act', ['host-006'])).status).toBe(502);
    const text = JSON.stringify(on.gate.logs());
    expect(text).toContain('"status":401');
    for (const secret of [wrong, BEARER, 'test-key-of-']) expect(text).not.toContain(secret);
  });

  it('holds the password of a database that is away, and none says that the gate is ready', async () => {
    const gate = await startGate({ store: `postgres://gate:${PASSWORD}@127.0.0.1:1/none` });
    try {
      await untilLine(gate, { msg: 'the database still cannot be used' });
      const text = JSON.stringify(gate.logs());
      expect(text).toContain('postgres://gate@127.0.0.1:1/none');
      expect(text).not.toContain(PASSWORD);
      expect(linesWith(gate, { msg: 'ready' })).toEqual([]);
    } finally {
      await gate.close();
    }
  });
});
