import type { Request, Response } from 'express';
import type { Principal, Role } from '../config/config.ts';
import { isRefusal, type Refusal } from '../kit/refusal.ts';
import type { Answer } from '../ledger/decision.ts';
import { keyGone } from './body.ts';
import type { Headers } from './answer.ts';
import type { LargeBodies } from './large-bodies.ts';
import type { Patience } from './patience.ts';
import { refused, Refused } from './refused.ts';

/** One HTTP request of a known principal. */
export interface Exchange {
  readonly req: Request;
  readonly res: Response;
  readonly principal: Principal;
  /** Whether its key is still good for what it was when the head came: a body may take half a minute, a load hours. */
  readonly isStillKnown: () => boolean;
  readonly patience: Patience;
  /** One for all requests. */
  readonly largeBodies: LargeBodies;
  /** The query string, as it came. */
  readonly query: string;
}

/** What a handler gives back; the route writes it. */
export type Reply =
  | { readonly type: 'json'; readonly status: number; readonly body: object; readonly headers?: Headers }
  | { readonly type: 'decision'; readonly answer: Answer; readonly headers?: Headers }
  | { readonly type: 'stream'; readonly headers: Headers; readonly pieces: AsyncIterator<string> }
  | { readonly type: 'refusal'; readonly refusal: Refusal }
  | Refused;

export type Handle = (exchange: Exchange) => Promise<Reply>;

export const json = (body: object, status = 200): Reply => ({ type: 'json', status, body });

export const notFound = (detail = 'There is nothing here, or it is not yours to see.'): Refused =>
  refused('request.not_found', detail);

export const notAllowed = (principal: Principal, may: string): Refused => {
  const message = `${principal.name} may not do this: ${may} may.`;
  return refused('principal.not_allowed', message, { reasons: [{ rule: 'principal.not_allowed', message }] });
};

/** The answer to what a port gave: an object, a refusal, or nothing there. */
export function replyOf(result: object | Refusal | undefined, status = 200): Reply {
  if (result === undefined) return notFound();
  return isRefusal(result) ? { type: 'refusal', refusal: result } : json(result, status);
}

/** What was refused with a key that is out by now is refused for that: the rest is nobody's to know. */
export const replyUnlessKeyGone = (exchange: Exchange, result: object | undefined, status = 200): Reply =>
  (result === undefined || isRefusal(result)) && !exchange.isStillKnown()
    ? keyGone()
    : replyOf(result, status);

/** Lets only principals with one of the roles through. */
export const only =
  (roles: readonly [Role, ...Role[]], handle: Handle): Handle =>
  async exchange =>
    roles.some(role => exchange.principal.roles.has(role))
      ? await handle(exchange)
      : notAllowed(exchange.principal, roles.map(role => `the role ${role}`).join(' or '));

/** A parameter of the path. */
export function parameter({ req }: Pick<Exchange, 'req'>, name: string): string {
  const value = req.params[name];
  return typeof value === 'string' ? value : '';
}

/** The request id of the path, or undefined for what is no UUID and so cannot be there. */
export function idOf(exchange: Exchange): string | undefined {
  const id = parameter(exchange, 'id').toLowerCase();
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
}
