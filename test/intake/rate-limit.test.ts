import { describe, expect, it } from 'vitest';
import { rateLimitHeaders } from '../../src/intake/rate-limit.ts';

const base = { name: 'disk.wipe/max_requests/0', unit: 'requests', limit: 30, over_s: 60 } as const;

describe('the RateLimit headers', () => {
  it('are absent where there is nothing to say', () => {
    expect(rateLimitHeaders({})).toEqual({});
    expect(rateLimitHeaders({ quotas: [] })).toEqual({});
  });

  it('are lists of structured fields: a limit, and what is left of it', () => {
    const other = { ...base, name: 'budgets/2', unit: 'targets', limit: 5, over_s: 86_400 } as const;
    expect(
      rateLimitHeaders({
        quotas: [
          { ...base, remaining: 30 },
          { ...other, remaining: 0, moreInMs: 1_001, principal: 'decom-bot' },
        ],
      }),
    ).toEqual({
      'ratelimit-policy':
        '"disk.wipe/max_requests/0";q=30;w=60, "budgets/2";q=5;qu="targets";w=86400;pk=:ZGVjb20tYm90:',
      ratelimit: '"disk.wipe/max_requests/0";r=30, "budgets/2";r=0;t=2;pk=:ZGVjb20tYm90:',
    });
  });
});
