import { describe, expect, it } from 'vitest';

import { Fault } from '../../src/kit/fault.ts';
import { CheckEnded, CheckTime } from '../../src/validate/check-time.ts';
import { compileParameterChecks } from '../../src/validate/parameters.ts';
import { config } from './requests.ts';

/** It can match forty letters in more ways than there is time for. */
const ambiguous = {
  type: 'object',
  properties: { name: { type: 'string', pattern: '^([a-z0-9]+-?)*[a-z0-9]$' } },
};
const endless = { name: `${'a'.repeat(40)}_` };

const nothing = (): void => undefined;

function checkOf(parameters: object) {
  const [action] = config.actions.values();
  if (action === undefined) throw new Error('no action');
  const check = compileParameterChecks(
    new Map([['x', { ...action, name: 'x', parameters: { ...parameters } }]]),
  ).get('x');
  if (check === undefined) throw new Error('no check');
  return check;
}

describe('a check of parameters', () => {
  it('that a pattern gives no end to is ended, and the next ones are right again', () => {
    const check = checkOf(ambiguous);
    expect(() => check(endless, 'bot')).toThrow(CheckEnded);
    expect(check({ name: 'web-1' }, 'other-bot')).toEqual([]);
    expect(check({ name: 'web_1' }, 'other-bot')).toMatchObject([
      { rule: 'parameters.invalid', pointer: '/parameters/name' },
    ]);
  });

  it('that was ended is one of few for who asked for it, and for nobody else', () => {
    const check = checkOf(ambiguous);
    expect(() => check(endless, 'bot')).toThrow(CheckEnded);
    // Which is barely too long to owe: with another one it is for seconds.
    expect(() => check(endless, 'bot')).toThrow(Fault);
    expect(() => check({ name: 'web-1' }, 'bot')).toThrow(/parameters of bot has taken too long/);
    expect(check({ name: 'web-1' }, 'other-bot')).toEqual([]);
  });

  it('in patterns of keys and in what tells a branch is ended too', () => {
    const named = {
      type: 'object',
      patternProperties: { [ambiguous.properties.name.pattern]: { enum: [''] } },
    };
    expect(() => checkOf(named)({ [endless.name]: '' }, 'bot')).toThrow(CheckEnded);
    const branches = {
      type: 'object',
      properties: { name: { anyOf: [ambiguous.properties.name, { enum: [''] }] } },
    };
    expect(() => checkOf(branches)(endless, 'bot')).toThrow(CheckEnded);
  });

  it('is begun again when nine tenths of the time have been left to others', () => {
    let nowMs = 0;
    const now = (): number => nowMs;
    const time = new CheckTime(now, now);
    const slow = (): string => {
      nowMs += 300;
      return 'checked';
    };
    expect(time.run('bot', slow, nothing)).toBe('checked');
    // It owes 300 ms: a tenth of each millisecond that passes is made good.
    nowMs += 500;
    expect(() => time.run('bot', slow, nothing)).toThrow('for 1 s');
    nowMs += 1;
    expect(time.run('bot', slow, nothing)).toBe('checked');
    expect(() => time.run('bot', slow, nothing)).toThrow('for 3 s');
    nowMs += 1_000_000;
    expect(time.run('bot', slow, nothing)).toBe('checked');
  });

  it('counts only where it takes long', () => {
    let nowMs = 0;
    const now = (): number => nowMs;
    const time = new CheckTime(now, now);
    for (let checked = 0; checked < 100; checked += 1)
      expect(time.run('bot', () => (nowMs += 50), nothing)).toBe(nowMs);
  });

  it('counts what it used, and not how long a busy machine kept it waiting', () => {
    let nowMs = 0;
    let usedMs = 0;
    const time = new CheckTime(
      () => nowMs,
      () => usedMs,
    );
    const wait = (): number => (nowMs += 200);
    for (let checked = 0; checked < 10; checked += 1) expect(time.run('bot', wait, nothing)).toBe(nowMs);
    const work = (): number => (nowMs = 5_000) + (usedMs = 300);
    expect(time.run('bot', work, nothing)).toBe(5_300);
    expect(() => time.run('bot', wait, nothing)).toThrow('too long');
  });

  it('that was ended and had used little is begun once more, anew: a busy machine ended it', () => {
    let ready = 0;
    const anew = (): void => void (ready += 1);
    const time = new CheckTime(undefined, () => 0);
    const stuckAtFirst = (): string => {
      while (ready === 0);
      return 'checked';
    };
    expect(time.run('bot', stuckAtFirst, anew)).toBe('checked');
    expect(ready).toBe(1);
    const stuck = (): string => {
      for (;;);
    };
    expect(() => time.run('bot', stuck, anew)).toThrow(CheckEnded);
    expect(ready).toBe(2);
    // For all of its time, and both of it.
    expect(() => time.run('bot', () => 'checked', anew)).toThrow('too long');
  });

  it('that was ended and had used much is not begun again', () => {
    let ready = 0;
    let usedMs = 0;
    const time = new CheckTime(undefined, () => (usedMs += 200));
    const stuck = (): string => {
      for (;;);
    };
    expect(() => time.run('bot', stuck, () => void (ready += 1))).toThrow(CheckEnded);
    expect(ready).toBe(0);
  });

  it('gives what the check throws', () => {
    expect(() =>
      new CheckTime().run(
        'bot',
        () => {
          throw new TypeError('its own');
        },
        nothing,
      ),
    ).toThrow(TypeError);
  });
});
