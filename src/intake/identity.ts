import { createHash, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../config/config.ts';
import { formOf } from '../config/principals.ts';
import type { Clock } from '../kit/clock.ts';
import { countOf } from './headers.ts';
import { refused, type Refused } from './refused.ts';
import { WrongKeys } from './wrong-keys.ts';

/** How long an answer to too many wrong keys is held back. */
const HOLD_MS = 1_000;
/** Answers that may be held back at once; what comes beyond is answered at once, so that holding is no way to fill a gate. */
const MOST_HELD = 100;

/** What identity looks at. */
export interface Presented {
  readonly authorization: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string | undefined;
}

export interface Identity {
  /** Who asks; or 400, 401 or 429. A right key is answered at once, whatever came from its address before. */
  identify(presented: Presented): Promise<Principal | Refused>;
  /** Whether a key is still that principal's, which is and may what it did. */
  isStill(principal: Principal, authorization: string | undefined): boolean;
}

/** Stands on each 401. */
export const CHALLENGE = { 'www-authenticate': 'Bearer realm="interlock"' };

/** @param principals those of this moment: a list that has changed holds from the next request on */
export function createIdentity(
  principals: () => readonly Principal[],
  clock: Clock,
  hold: (durationMs: number) => Promise<void>,
): Identity {
  const find = currentKeyFinder(principals);
  const holderOf = (authorization: string): Principal | undefined => {
    const key = /^bearer ([\x21-\x7e]+)$/i.exec(authorization)?.[1];
    return key === undefined ? undefined : find(key);
  };
  const wrongKeys = new WrongKeys(clock);
  let held = 0;

  async function refuseWrongKey(remoteAddress: string | undefined): Promise<Refused> {
    const throttledMs = wrongKeys.count(remoteAddress);
    if (throttledMs === 0)
      return refused(
        'request.unauthenticated',
        'The key is not known. It is sent as `Authorization: Bearer KEY`.',
        { headers: CHALLENGE },
      );
    if (held < MOST_HELD) {
      held += 1;
      try {
        await hold(HOLD_MS);
      } finally {
        held -= 1;
      }
    }
    return refused('request.throttled', 'Too many wrong keys came from this address.', {
      headers: { 'retry-after': String(Math.ceil(throttledMs / 1000)) },
    });
  }

  return {
    async identify({ authorization, rawHeaders, remoteAddress }) {
      if (countOf('authorization', rawHeaders) > 1) {
        return refused('request.malformed', 'The header Authorization was sent twice.');
      }
      if (authorization === undefined) {
        return refused('request.unauthenticated', 'There is no key: send `Authorization: Bearer KEY`.', {
          headers: CHALLENGE,
        });
      }
      return holderOf(authorization) ?? (await refuseWrongKey(remoteAddress));
    },
    isStill: (principal, authorization = '') => {
      if (principals().includes(principal)) return true;
      const now = holderOf(authorization);
      return now !== undefined && formOf(now) === formOf(principal);
    },
  };
}

/** Made anew where the list is another one, and not once a request. */
function currentKeyFinder(principals: () => readonly Principal[]): (key: string) => Principal | undefined {
  let known = principals();
  let find = keyFinder(known);
  return key => {
    const now = principals();
    if (now !== known) {
      find = keyFinder(now);
      known = now;
    }
    return find(key);
  };
}

/**
 * Finds the principal of a key by its digest. The first bytes of the digest choose a bucket: they tell nothing that who
 * presents a key does not know; the comparison itself takes the same time wherever two digests part.
 */
function keyFinder(principals: readonly Principal[]): (key: string) => Principal | undefined {
  const buckets = new Map<number, { readonly digest: Buffer; readonly principal: Principal }[]>();
  for (const principal of principals) {
    for (const key of principal.keys) {
      const digest = Buffer.from(key.replace(/^sha256:/, ''), 'hex');
      if (digest.length !== 32) throw new Error(`a key of ${principal.name} is not a SHA-256`);
      const bucket = buckets.get(digest.readUInt16BE(0)) ?? [];
      const other = bucket.find(one => one.digest.equals(digest) && one.principal !== principal);
      if (other !== undefined)
        throw new Error(`${principal.name} and ${other.principal.name} have the same key`);
      buckets.set(digest.readUInt16BE(0), [...bucket, { digest, principal }]);
    }
  }
  return key => {
    const digest = createHash('sha256').update(key, 'latin1').digest();
    let found: Principal | undefined;
    for (const one of buckets.get(digest.readUInt16BE(0)) ?? []) {
      if (timingSafeEqual(one.digest, digest)) found = one.principal;
    }
    return found;
  };
}
