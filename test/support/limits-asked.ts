import { expect } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  withNothingForwarded,
  type Answer,
  type Body,
  type ReasonBody,
} from './api.ts';
import type { Standing } from './standing.ts';

/** Asks a standing gate for what a limit holds; `rule` is what refuses unless a test says another one. */
export const limitsAsked = (on: Standing, rule: string) => ({
  expectRefused: async (
    action: string,
    targets: readonly string[],
    status: number,
    reason: Partial<ReasonBody>,
    as = 'bot',
  ): Promise<{ readonly answer: Answer; readonly body: Body }> => {
    const answer = await withNothingForwarded(on.executor, () => on.api.submit(action, targets, { as }));
    const body = await expectRefusal(on.api, answer, status, [reason.rule ?? rule]);
    expect(body.reasons?.[0]).toMatchObject({ rule, ...reason });
    return { answer, body };
  },
  expectAllowed: async (action: string, targets: readonly string[], as = 'bot'): Promise<Body> =>
    await expectDelivered(on.api, await on.api.submit(action, targets, { as })),
});
