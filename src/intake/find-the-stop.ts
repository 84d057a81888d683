import { NOTHING_ENGAGED } from '../kit/nothing-engaged.ts';
import type { Reason } from '../kit/refusal.ts';
import { notFound, type Handle } from './exchange.ts';
import { Refused } from './refused.ts';

const withNothing = (text: string): string =>
  text.includes(NOTHING_ENGAGED) ? text : `${text} ${NOTHING_ENGAGED}`;

const inReason = (reason: Reason): Reason => ({ ...reason, message: withNothing(reason.message) });

/** Says with each refusal of an engage that nothing was engaged: whoever wants to stop everything must not have to guess. */
export const sayNothingEngaged =
  (engage: Handle): Handle =>
  async exchange => {
    const reply = await engage(exchange);
    if (reply instanceof Refused) return new Refused(reply.rule, withNothing(reply.detail), reply.options);
    if (reply.type !== 'refusal') return reply;
    const [first, ...rest] = reply.refusal.reasons;
    return { type: 'refusal', refusal: { ...reply.refusal, reasons: [inReason(first), ...rest] } };
  };

/** Nothing is at this path. Whoever seems to look for the emergency stop is told where it is. */
export const nothingAt = (path: string): Refused =>
  /kill|switch|stop/i.test(path)
    ? notFound(
        `There is nothing here. ${NOTHING_ENGAGED} POST /v1/kill-switch stops everything; GET /v1/kill-switch says what is engaged.`,
      )
    : notFound();
