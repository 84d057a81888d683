import { own } from '../kit/own.ts';
import type { ActionLimits, Limits } from '../policy/limits.ts';

/** The limits of an action; undefined when it has none. */
export const entryOf = ({ actions }: Limits, action: string): ActionLimits | undefined =>
  own(actions, action);
