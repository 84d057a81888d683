import { readFile } from 'node:fs/promises';
import type { ExecutorConfig } from '../../src/config/config.ts';
import type { ForwardPort } from '../../src/forward/forward.ts';
import { LateAnswers } from '../../src/forward/late-answers.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { issuePermit, type Permit, type Permitted } from '../../src/ledger/permit.ts';

/** Two targets, claimed now, with 2 s to go. */
export function permitFor(
  url: string,
  executor: Partial<ExecutorConfig> = {},
  more: Partial<Permitted> = {},
): Permit {
  const ids = more.ids ?? ['host-0412', 'host-0413'];
  return issuePermit({
    requestId: '0f8f1d2c-5f0a-4b3e-9d57-3b1f6a1f2a10',
    action: 'disk.wipe',
    attempt: 1,
    ids,
    digest: sha256(ids.map(id => `${id}\n`).join('')),
    parameters: { passes: 1 },
    principal: 'decom-bot',
    reason: 'rack r12 is retired',
    executor: {
      url: new URL(url),
      timeoutMs: 2_000,
      concurrency: 1,
      validForMs: 300_000,
      idempotent: false,
      ...executor,
    },
    claimedAtWallMs: systemClock.wallMs(),
    claimedAtMonotonicMs: systemClock.monotonicMs(),
    ...more,
  });
}

/** The real clock and the real files. */
export const realPort: ForwardPort = {
  stopped: new AbortController().signal,
  beforeWrite: () => undefined,
  clock: systemClock,
  readText: file => readFile(file, 'utf8'),
  late: new LateAnswers({ warn: () => undefined }),
};
