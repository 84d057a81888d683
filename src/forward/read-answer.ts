import type { Attempted } from './attempted.ts';

/** Values of one header, by lower-case name: one string, or several if it came several times. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * What a final answer says, by its head alone.
 * "Refused" gives the targets back, so it must be said plainly: by the header's exact word, or by a status that promises
 * that nothing was done. What is not in the table is unknown.
 */
export function readAnswer(httpStatus: number, headers: AnswerHeaders): Attempted {
  if (saysRefused(headers['interlock-outcome'])) {
    return {
      kind: 'refused',
      httpStatus,
      detail: `The executor answered ${httpStatus} and said that it refused.`,
    };
  }
  switch (httpStatus) {
    case 200:
    case 201:
    case 204:
      return { kind: 'delivered', httpStatus, detail: `The executor answered ${httpStatus}.` };
    case 202:
      return { kind: 'accepted', httpStatus, detail: 'The executor accepted it, and will report.' };
    case 408:
      return {
        kind: 'unknown',
        httpStatus,
        detail: 'The executor answered 408: it may have had the request, or a part of it.',
      };
  }
  if (httpStatus >= 300 && httpStatus < 400) {
    return {
      kind: 'refused',
      httpStatus,
      detail: `The executor answered ${httpStatus}; redirects are not followed.`,
    };
  }
  if (httpStatus >= 400 && httpStatus < 500) {
    return { kind: 'refused', httpStatus, detail: `The executor answered ${httpStatus}.` };
  }
  return {
    kind: 'unknown',
    httpStatus,
    detail: `The executor answered ${httpStatus}, which does not say what it did.`,
  };
}

/** A header that came twice says it only if both say it. */
function saysRefused(header: string | readonly string[] | undefined): boolean {
  if (header === undefined) return false;
  const values = typeof header === 'string' ? [header] : header;
  return values.length > 0 && values.every(value => value.trim() === 'refused');
}
