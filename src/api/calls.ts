import type { Call } from './call.ts';
import { controlCalls } from './control-calls.ts';
import { openCalls } from './open-calls.ts';
import { requestCalls } from './request-calls.ts';

/** Every call there is, with all that it takes and answers. */
export const calls: readonly Call[] = [...requestCalls, ...controlCalls, ...openCalls];
