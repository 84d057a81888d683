import { z } from 'zod';

/*
 * Headers by which an answer says more than its body. Not here: what is of HTTP itself (`Content-Type`, `Vary`), and the same on
 * every answer (`Cache-Control: no-store`, `X-Content-Type-Options: nosniff`).
 */

/** A structured field (RFC 9651): a list of strings with parameters. */
const limits = (parameters: string) =>
  z.string().regex(new RegExp(String.raw`^"[^"\\]+"${parameters}(, "[^"\\]+"${parameters})*$`));

export const answerHeaders = {
  'X-Request-Id': z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .describe(
      'The one that the request came with, if that is 1 to 128 letters, digits and `.` `_` `-`, beginning with a letter or digit; else a fresh one. The lines of the log have it',
    ),
  Location: z
    .string()
    .regex(/\/v1\/requests\/[0-9a-f-]{36}$/)
    .describe('Where the decision is'),
  'Idempotency-Replayed': z
    .enum(['true'])
    .describe('A repeat: the recorded decision with its present outcome'),
  'Preference-Applied': z
    .string()
    .regex(/^(respond-async|wait=[0-9]+|respond-async, wait=[0-9]+)$/)
    .describe('What of `Prefer` was understood'),
  'RateLimit-Policy': limits('(;[a-z]+=("[a-z]+"|[0-9]+|:[A-Za-z0-9+/=]+:))+').describe(
    'The limits that count what a principal asks, and what it takes: `q` in `w` seconds, of requests or of the unit `qu`, by the principal `pk` or by all (draft-ietf-httpapi-ratelimit-headers-10). Not with a repeat',
  ),
  RateLimit: limits(';r=[0-9]+(;t=[0-9]+)?(;pk=:[A-Za-z0-9+/=]+:)?').describe(
    'What is left of each of them, this request counted, and in how many seconds there will be more',
  ),
  'Retry-After': z
    .string()
    .regex(/^[1-9][0-9]*$/)
    .describe('Seconds, after which this very request would pass if nothing else happens'),
  'WWW-Authenticate': z
    .string()
    .regex(/^Bearer /)
    .describe('How a key is sent'),
  Allow: z
    .string()
    .regex(/^[A-Z]+(, [A-Z]+)*$/)
    .describe('The methods that there are'),
} as const satisfies Readonly<Record<string, z.ZodType<string>>>;

export type AnswerHeader = keyof typeof answerHeaders;

/** Whether a header is on each answer of a status, or where there is something to say. What is not named is on none. */
export type AnswerHeaders = Readonly<Partial<Record<AnswerHeader, 'always' | 'sometimes'>>>;

/** On every answer, whatever it is. */
export const onEveryAnswer = { 'X-Request-Id': 'always' } as const satisfies AnswerHeaders;

/** On what was decided just now. A repeat decides nothing, and an action without such limits has none. */
export const rateLimits = {
  'RateLimit-Policy': 'sometimes',
  RateLimit: 'sometimes',
} as const satisfies AnswerHeaders;
