import { describe, expect, it } from 'vitest';
import { addressGroup, FREE_ANSWERS, WINDOW_MS, WrongKeys } from '../../src/intake/wrong-keys.ts';

const stoppedClock = () => {
  const clock = { nowMs: 0, wallMs: () => clock.nowMs, monotonicMs: () => clock.nowMs };
  return clock;
};

const spend = (keys: WrongKeys, address: string): void => {
  for (let count = 0; count < FREE_ANSWERS; count += 1) expect(keys.count(address)).toBe(0);
};

describe('wrong keys', () => {
  it('are counted by address, and have an answer again when the window is over', () => {
    const clock = stoppedClock();
    const keys = new WrongKeys(clock);
    spend(keys, '10.0.0.1');
    expect(keys.count('10.0.0.1')).toBe(WINDOW_MS);
    expect(keys.count('10.0.0.2')).toBe(0);
    clock.nowMs += WINDOW_MS - 1;
    expect(keys.count('10.0.0.1')).toBe(1);
    clock.nowMs += 1;
    expect(keys.count('10.0.0.1')).toBe(0);
  });

  it('of ever new addresses take no more memory, and clear nobody\u2019s count', () => {
    const keys = new WrongKeys(stoppedClock(), 100);
    spend(keys, '10.0.0.1');
    for (let one = 0; one < 5_000; one += 1) keys.count(`10.1.${one >> 8}.${one & 255}`);
    expect(keys.count('10.0.0.1')).toBeGreaterThan(0);
    // Beyond a hundred, addresses share one count.
    expect(keys.count('10.9.9.9')).toBeGreaterThan(0);
  });

  it('of ever new addresses are forgotten with their windows', () => {
    const clock = stoppedClock();
    const keys = new WrongKeys(clock, 10);
    for (let one = 0; one < 50; one += 1) keys.count(`10.1.0.${one}`);
    expect(keys.count('10.2.0.1')).toBeGreaterThan(0);
    clock.nowMs += WINDOW_MS;
    spend(keys, '10.2.0.1');
    expect(keys.count('10.2.0.1')).toBeGreaterThan(0);
    expect(keys.count('10.2.0.2')).toBe(0);
  });
});

describe('an address', () => {
  it.each([
    [undefined, 'others'],
    ['', 'others'],
    ['not an address', 'others'],
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0::/64'],
    ['2001::a:b:c:d:e', '2001:0:0:a::/64'],
  ])('%s is counted as %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });
});
