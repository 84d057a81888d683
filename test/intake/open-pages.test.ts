import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { reasonExamples } from '../../src/kit/reason-examples.ts';
import { rules } from '../../src/kit/rules.ts';
import { bearer, fakePorts, serving } from './fake-ports.ts';

describe('a path that is not there', () => {
  it.each([
    '/',
    '/v2',
    '/.env',
    '/V1/requests',
    '/livez/',
    '/problems/no.such_rule',
    '/problems/__proto__',
    '/problems/constructor',
    '/problems/..%2f..%2fpackage.json',
    '/problems/%zz',
  ])('is a 404: %s', async path => {
    const answer = await request(serving().server).get(path);
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body.type).toBe('/problems/request.not_found');
  });

  it('below /v1 is a 401 without a key and a 404 with one', async () => {
    const { server } = serving();
    expect((await request(server).get('/v1/nothing')).status).toBe(401);
    expect((await request(server).get('/v1/nothing').set('authorization', bearer('auditor'))).status).toBe(
      404,
    );
    expect((await request(server).get('/v1/requests/').set('authorization', bearer('auditor'))).status).toBe(
      404,
    );
  });
});

describe('a method that is not there', () => {
  it.each([
    ['delete', '/v1/requests', 'POST, GET, HEAD'],
    ['options', '/v1/kill-switch', 'GET, POST, HEAD'],
    ['get', '/v1/preflight', 'POST'],
    ['post', '/v1/inventory/host', 'PUT, PATCH'],
    ['post', '/livez', 'GET, HEAD'],
    ['put', '/problems/targets.empty', 'GET, HEAD'],
  ] as const)('is a 405: %s %s', async (method, path, allow) => {
    const answer = await request(serving().server)[method](path).set('authorization', bearer('auditor'));
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe(allow);
    expect(answer.body.type).toBe('/problems/request.method_not_allowed');
  });
});

describe('health', () => {
  const ok = { ok: true };
  const all = { process: ok, database: ok, record: ok, policy: ok, clock: ok, kinds: { host: ok } };
  const bad = { ok: false, detail: 'it is away' };

  it.each([
    ['nothing', all, 200, 200],
    ['the database', { ...all, database: bad, record: bad }, 503, 503],
    ['room for a decision, while a switch finds some', { ...all, record: bad }, 200, 503],
    ['the process', { ...all, process: bad }, 503, 503],
    ['the policy', { ...all, policy: bad }, 200, 503],
    ['the clock', { ...all, clock: bad }, 200, 503],
    ['everything, for there is no kind at all,', { ...all, kinds: {} }, 200, 503],
    ['an inventory', { ...all, kinds: { host: ok, scope: bad } }, 200, 503],
  ])('when %s is amiss', async (_what, readiness, ready, decide) => {
    const { server } = serving({ ready: { ready: async () => readiness } });
    expect((await request(server).get('/livez')).status).toBe(200);
    expect((await request(server).get('/readyz')).status).toBe(ready);
    const answer = await request(server).get('/readyz/decide');
    expect(answer.status).toBe(decide);
    const { record: database, ...checks } = readiness;
    expect(answer.body).toEqual({ ready: decide === 200, checks: { ...checks, database } });
  });

  it('is a 503 when it cannot be told', async () => {
    const ready = async (): Promise<never> => {
      throw new Error('no');
    };
    expect((await request(serving({ ready: { ready } }).server).get('/readyz')).status).toBe(503);
  });

  it('shows metrics without a key', async () => {
    const answer = await request(serving().server).get('/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect(answer.text).toContain('# TYPE interlock_kill_switch_engaged gauge');
  });
});

describe('the page of a rule', () => {
  it('is there for every rule', async () => {
    const { server } = serving();
    for (const [name, info] of Object.entries(rules)) {
      const answer = await request(server).get(`/problems/${name}`).set('accept', 'application/json');
      expect(answer.status).toBe(200);
      const { example, ...said }: Readonly<Record<string, unknown>> = answer.body;
      expect(said).toEqual({ rule: name, ...info });
      expect(example).toEqual(reasonExamples[name]);
    }
    expect((await request(server).get('/problems')).text).toContain('/problems/targets.empty');
  });

  it('is there for the rules of the loaded bundle, whose words cannot leave the page', async () => {
    const info = {
      step: 'decide',
      status: 403,
      title: '<script>x</script>',
      explain: '"&<b>`code`',
      says: ['It has `measured` <i>targets</i>.'],
      passes: ['at most `limit`'],
    } as const;
    const policy = { ...fakePorts([]).policy, rules: () => ({ 'own.rule': info }) };
    const { server } = serving({ policy });
    const answer = await request(server).get('/problems/own.rule').set('accept', 'text/html,*/*;q=0.1');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    expect(answer.text).not.toContain('<script');
    expect(answer.text).not.toMatch(/<[bi]>/);
    expect(answer.text).toContain('<li>It has <code>measured</code> &lt;i&gt;targets&lt;/i&gt;.</li>');
    expect(answer.text).toContain('<h2>What would pass</h2><ul><li>at most <code>limit</code></li></ul>');
    expect(answer.text).toContain('<code>code</code>');
    expect((await request(server).get('/problems')).text).toContain('/problems/own.rule');
  });

  it('of a check that ships has the sentences of the bundle, and a rule of the gate none', async () => {
    const name = 'blast_radius.max_targets';
    const says = ['The request has `measured` targets.'];
    const policy = { ...fakePorts([]).policy, rules: () => ({ [name]: { ...rules[name], says } }) };
    const { server } = serving({ policy });
    const get = async (rule: string) =>
      await request(server).get(`/problems/${rule}`).set('accept', 'application/json');
    expect((await get(name)).body).toMatchObject({ rule: name, ...rules[name], says });
    expect((await get('targets.empty')).body).not.toHaveProperty('says');
  });

  it('shows a reason as a decision has it, and none of the bundle that ships where another one speaks', async () => {
    const name = 'blast_radius.max_targets';
    const html = (await request(serving().server).get(`/problems/${name}`).set('accept', 'text/html')).text;
    expect(html).toContain('<h2>A reason</h2>');
    expect(html).toContain('&quot;rule&quot;: &quot;blast_radius.max_targets&quot;');
    const other = {
      ...fakePorts([]).policy,
      rules: () => ({ [name]: { ...rules[name], explain: 'Otherwise.' } }),
    };
    const answer = await request(serving({ policy: other }).server)
      .get(`/problems/${name}`)
      .set('accept', 'application/json');
    expect(answer.body).not.toHaveProperty('example');
  });

  it('is a 406 for what is neither HTML nor JSON', async () => {
    expect(
      (await request(serving().server).get('/problems/targets.empty').set('accept', 'image/png')).status,
    ).toBe(406);
  });
});

describe('what needs no key', () => {
  it.each(['/openapi.json', '/docs'])('is made once, and not for each who asks: %s', async path => {
    const { server } = serving();
    const timed = async (times: number): Promise<number> => {
      const begunMs = performance.now();
      for (let at = 0; at < times; at += 1) expect((await request(server).get(path)).status).toBe(200);
      return performance.now() - begunMs;
    };
    const firstMs = await timed(1);
    expect(await timed(60)).toBeLessThan(20 * firstMs);
  });
});
