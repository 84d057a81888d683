import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/config/config.ts';
import { createIdentity, type Identity } from '../../src/intake/identity.ts';
import { Refused } from '../../src/intake/refused.ts';
import { FREE_ANSWERS } from '../../src/intake/wrong-keys.ts';
import { bearer, keyOf, principal, principals } from './fake-ports.ts';

const clock = { wallMs: () => 0, monotonicMs: () => 0 };
const create = (hold: (durationMs: number) => Promise<void> = async () => undefined): Identity =>
  createIdentity(() => principals, clock, hold);

const identify = (identity: Identity, authorization?: string) =>
  identity.identify({
    authorization,
    rawHeaders: authorization === undefined ? [] : ['Authorization', authorization],
    remoteAddress: '10.0.0.1',
  });

const ruleOf = (result: object): string => (result instanceof Refused ? result.rule : 'identified');

describe('who asks', () => {
  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic Ym90OmJvdA==',
    keyOf('bot'),
    `Bearer ${keyOf('bot')}x`,
    `Bearer ${keyOf('bot').toUpperCase()}`,
    `Bearer  ${keyOf('bot')}`,
    `Bearer ${keyOf('bot')} ${keyOf('bot')}`,
    `Bearer ${principals[0]?.keys[0]}`,
    `Bearer ${principals[0]?.keys[0]?.slice('sha256:'.length)}`,
  ])('is nobody for %s', async authorization => {
    expect(ruleOf(await identify(create(), authorization))).toBe('request.unauthenticated');
  });

  it('cannot be two at once', async () => {
    const rawHeaders = ['Authorization', bearer('bot'), 'authorization', bearer('operator')];
    const result = await create().identify({
      authorization: bearer('bot'),
      rawHeaders,
      remoteAddress: '10.0.0.1',
    });
    expect(ruleOf(result)).toBe('request.malformed');
  });

  it('cannot share a key with another', () => {
    const twins = [principal('bot', ['requester']), { ...principal('bot', ['operator']), name: 'twin' }];
    expect(() =>
      createIdentity(
        () => twins,
        clock,
        async () => undefined,
      ),
    ).toThrow('the same key');
  });

  it('is slowed down after too many wrong keys, with the time to wait', async () => {
    const held: number[] = [];
    const identity = create(async durationMs => void held.push(durationMs));
    const rules = [];
    for (let count = 0; count <= FREE_ANSWERS; count += 1)
      rules.push(ruleOf(await identify(identity, 'Bearer wrong')));
    expect(rules).toEqual([
      ...Array<string>(FREE_ANSWERS).fill('request.unauthenticated'),
      'request.throttled',
    ]);
    expect(held).toEqual([1_000]);
    expect(await identify(identity, 'Bearer wrong')).toMatchObject({
      options: { headers: { 'retry-after': '60' } },
    });
  });

  it('is not counted without a key, which is no guess', async () => {
    const identity = create();
    for (let count = 0; count < 3 * FREE_ANSWERS; count += 1) {
      expect(ruleOf(await identify(identity))).toBe('request.unauthenticated');
    }
  });

  it('is held back in a bounded number of answers at once', async () => {
    let held = 0;
    const waiting: (() => void)[] = [];
    const identity = create(async () => {
      held += 1;
      await new Promise<void>(resolve => waiting.push(resolve));
    });
    const answers = Array.from({ length: 500 }, () => identify(identity, 'Bearer wrong'));
    await Promise.race(answers.slice(-1));
    expect(held).toBe(100);
    for (const release of waiting) release();
    expect(
      (await Promise.all(answers)).map(ruleOf).filter(rule => rule === 'request.throttled'),
    ).toHaveLength(490);
    // And as many again, once those are answered.
    const more = Array.from({ length: 150 }, () => identify(identity, 'Bearer wrong'));
    await Promise.race(more.slice(-1));
    expect(held).toBe(200);
  });

  it('is known at once by a right key, from an address that is throttled', async () => {
    const identity = create(() => new Promise(() => undefined));
    for (let count = 0; count < 50; count += 1) void identify(identity, 'Bearer wrong');
    expect(await identify(identity, bearer('bot'))).toBe(principals[0]);
    expect(await identify(identity, `bearer ${keyOf('operator')}`)).toMatchObject({ name: 'operator' });
  });

  it('may have two keys while one is replaced', async () => {
    const both = {
      ...principal('bot', ['requester']),
      keys: [...principal('bot', []).keys, ...principal('new', []).keys],
    };
    const identity = createIdentity(
      () => [both],
      clock,
      async () => undefined,
    );
    expect(await identify(identity, bearer('bot'))).toBe(both);
    expect(await identify(identity, bearer('new'))).toBe(both);
  });
});

describe('a list of principals that changes', () => {
  const bot = principal('bot', ['requester']);
  let list = [bot];
  const identity = createIdentity(
    () => list,
    clock,
    async () => undefined,
  );

  it('holds from the next request on, in both directions', async () => {
    expect(await identify(identity, bearer('bot'))).toBe(bot);
    list = [principal('new', ['requester'])];
    expect(ruleOf(await identify(identity, bearer('bot')))).toBe('request.unauthenticated');
    expect(await identify(identity, bearer('new'))).toBe(list[0]);
    list = [bot];
    expect(await identify(identity, bearer('bot'))).toBe(bot);
    expect(ruleOf(await identify(identity, bearer('new')))).toBe('request.unauthenticated');
  });

  it.each<[string, readonly Principal[], boolean]>([
    ['is the same', [bot], true],
    ['is written anew, in the same words', [principal('bot', ['requester'])], true],
    ['may do something else now', [principal('bot', ['auditor'])], false],
    ['has another name now', [{ ...bot, name: 'robot' }], false],
    ['is gone', [principal('new', ['requester'])], false],
  ])('knows a key still where its principal %s', (_, now, isStill) => {
    list = [...now];
    expect(identity.isStill(bot, bearer('bot'))).toBe(isStill);
    expect(identity.isStill(bot, undefined)).toBe(now.includes(bot));
  });

  it('is refused with a key that is no digest, or one that two have', () => {
    for (const two of [[{ ...bot, keys: ['sha256:00'] }], [bot, { ...bot, name: 'robot' }]])
      expect(() =>
        createIdentity(
          () => two,
          clock,
          async () => undefined,
        ),
      ).toThrow(/is not a SHA-256|have the same key/);
  });
});
