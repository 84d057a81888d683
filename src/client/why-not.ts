import { sha256 } from '../kit/digest.ts';
import type { Ask, Scope, Seen, Targets } from './types.ts';

/*
 * What stands between, or a gate that is not the one that is meant, may answer with something of the right shape that is of another
 * question. A yes is believed where it says what was asked for; a no stops nothing that should go on.
 */

/** Why a yes is not the answer to what was asked; undefined where it is. */
export type WhyNot = (body: object) => string | undefined;

/** Of one request, or of one switch. */
export const unlessOf =
  (id: string): WhyNot =>
  body =>
    'id' in body && typeof body.id === 'string' && body.id.toLowerCase() === id.toLowerCase()
      ? undefined
      : 'it is of another id';

/** Of a decision. A refusal may have been made before its action was known, and its targets. */
export const unlessDecides =
  (ask: Ask, mode: 'request' | 'preflight'): WhyNot =>
  (body: { decision?: unknown; mode?: unknown; action?: unknown; targets?: unknown; reasons?: unknown }) => {
    const isAllowed = body.decision === 'allowed';
    if (body.mode !== mode) return `it is no ${mode === 'request' ? 'request' : 'pre-flight'}`;
    if (body.action !== ask.action && (isAllowed || body.action !== undefined))
      return 'it is of another action';
    if (!isAllowed) return undefined;
    if (!Array.isArray(body.reasons) || body.reasons.length > 0)
      return 'it is allowed, and its reasons are not said to be none';
    if (mode === 'preflight' && !('status' in body && body.status === 200))
      return 'it is allowed, and its status is not 200';
    return isOfTargets(body.targets, ask.targets) ? undefined : 'it is of other targets';
  };

/** A selector is resolved by the gate: of that only the number is known here. */
function isOfTargets(answered: unknown, asked: Targets): boolean {
  if (typeof answered !== 'object' || answered === null || !('count' in answered)) return false;
  if (!('ids' in asked)) return answered.count === asked.expect;
  const digest = sha256(
    asked.ids
      .toSorted()
      .map(id => `${id}\n`)
      .join(''),
  );
  return answered.count === asked.ids.length && 'digest' in answered && answered.digest === digest;
}

/** Of a switch that was engaged: one of another scope does not stop what was meant. */
export const unlessScope =
  (scope: Scope = {}): WhyNot =>
  body =>
    'scope' in body && wordsOf(body.scope) === wordsOf(scope) ? undefined : 'it is of another scope';

/** Of evidence: what was recorded of something else stops nothing, and lets nothing pass. */
export const unlessSeen =
  (seen: Seen): WhyNot =>
  (body: { [member in keyof Seen]?: unknown }) =>
    (['artifact', 'name', 'status', 'dimension', 'value'] as const).every(name => body[name] === seen[name])
      ? undefined
      : 'it is of other evidence';

const wordsOf = (scope: unknown): string =>
  typeof scope === 'object' && scope !== null
    ? Object.entries(scope)
        .map(member => JSON.stringify(member))
        .toSorted()
        .join()
    : 'no scope';
