import type { Answer, Quota } from '../ledger/decision.ts';
import type { Headers } from './answer.ts';

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): lists of structured fields (RFC 9651), one item a
 * limit. Names, from the limits file, need no escape in a string; whole numbers stay below the 15 digits of an integer.
 */
export function rateLimitHeaders({ quotas = [] }: Pick<Answer, 'quotas'>): Headers {
  if (quotas.length === 0) return {};
  return {
    'ratelimit-policy': quotas.map(policyItem).join(', '),
    ratelimit: quotas.map(leftItem).join(', '),
  };
}

function policyItem({ name, limit, unit, over_s: overS, principal }: Quota): string {
  // Requests are what is counted where no unit is said.
  const counted = unit === 'requests' ? '' : `;qu="${unit}"`;
  return `"${name}";q=${limit}${counted};w=${overS}${partition(principal)}`;
}

function leftItem({ name, remaining, moreInMs, principal }: Quota): string {
  // Rounded up: asked again then, it is there.
  const more = moreInMs === undefined ? '' : `;t=${Math.max(0, Math.ceil(moreInMs / 1000))}`;
  return `"${name}";r=${remaining}${more}${partition(principal)}`;
}

/** A byte sequence. */
const partition = (principal: string | undefined): string =>
  principal === undefined ? '' : `;pk=:${Buffer.from(principal).toString('base64')}:`;
