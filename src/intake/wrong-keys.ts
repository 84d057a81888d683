import { isIP } from 'node:net';
import type { Clock } from '../kit/clock.ts';

/** Wrong keys from one address that are answered at once in a window. */
export const FREE_ANSWERS = 10;
export const WINDOW_MS = 60_000;
/** Addresses that are counted one by one; what comes beyond shares one count. */
const MOST_ADDRESSES = 10_000;
const OTHERS = 'others';

interface Count {
  wrong: number;
  readonly endsMs: number;
}

/** Counts wrong keys by address, in bounded memory. Never asked about a right key. */
export class WrongKeys {
  readonly #clock: Clock;
  readonly #mostAddresses: number;
  readonly #counts = new Map<string, Count>();

  constructor(clock: Clock, mostAddresses = MOST_ADDRESSES) {
    this.#clock = clock;
    this.#mostAddresses = mostAddresses;
  }

  /** Counts one more; gives the milliseconds until the address has an answer again, 0 while it has one now. */
  count(address: string | undefined): number {
    const nowMs = this.#clock.monotonicMs();
    const count = this.#find(addressGroup(address), nowMs);
    count.wrong += 1;
    return count.wrong > FREE_ANSWERS ? Math.max(1, count.endsMs - nowMs) : 0;
  }

  #find(group: string, nowMs: number): Count {
    const known = this.#counts.get(group);
    if (known !== undefined && known.endsMs > nowMs) return known;
    this.#counts.delete(group);
    this.#forgetEnded(nowMs);
    // No living count is thrown out to make room: an attacker with many addresses could clear its own with them.
    const key = group === OTHERS || this.#counts.size < this.#mostAddresses ? group : OTHERS;
    const shared = key === group ? undefined : this.#counts.get(key);
    if (shared !== undefined && shared.endsMs > nowMs) return shared;
    const fresh = { wrong: 0, endsMs: nowMs + WINDOW_MS };
    this.#counts.delete(key);
    this.#counts.set(key, fresh);
    return fresh;
  }

  /** All windows are as long, so the map is in the order in which they end. */
  #forgetEnded(nowMs: number): void {
    for (const [key, count] of this.#counts) {
      if (count.endsMs > nowMs) return;
      this.#counts.delete(key);
    }
  }
}

/** An IPv4 address itself, mapped into IPv6 or not; the /64 of an IPv6 address, which is what one customer has. */
export function addressGroup(address: string | undefined): string {
  if (address === undefined) return OTHERS;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [bare = ''] = address.split('%');
  if (isIP(bare) !== 6) return isIP(bare) === 4 ? bare : OTHERS;
  // The URL parser writes an IPv6 address in its one canonical form.
  const [head = '', tail] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
