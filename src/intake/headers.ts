/**
 * Headers that intermediaries add to, or that are lists which the gate does not read. Every other header may be sent once:
 * of two that differ, the gate and what stands before it might each believe another.
 */
const repeatable: ReadonlySet<string> = new Set([
  'accept-encoding',
  'accept-language',
  'baggage',
  'cache-control',
  'connection',
  'cookie',
  'forwarded',
  'pragma',
  'te',
  'tracestate',
  'via',
  'warning',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
]);

/** The name of a header that was sent twice; undefined if none was. Takes node's `rawHeaders`: names and values in turn. */
export function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (seen.has(name) && !repeatable.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}

export const countOf = (name: string, rawHeaders: readonly string[]): number =>
  rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length;

/** An id that a client, or what stands before the gate, gave to its request: one word that needs no escape anywhere it is written. */
export const isRequestId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text);

/** `application/json`, with no parameter but charset=utf-8. */
export const isJsonType = (contentType: string): boolean =>
  /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*(?:utf-8|"utf-8")[ \t]*)?$/i.test(contentType);

/** The formats of an inventory, with no parameter but charset=utf-8, and of CSV that its header is there; undefined for any other. */
export function inventoryFormat(contentType: string): 'ndjson' | 'csv' | undefined {
  const [type = '', ...parameters] = contentType.split(';').map(part => part.trim().toLowerCase());
  const format = type === 'text/csv' ? 'csv' : type === 'application/x-ndjson' ? 'ndjson' : undefined;
  const names = parameters.map(one => one.split('=')[0]?.trim());
  if (format === undefined || new Set(names).size < names.length) return undefined;
  const known =
    format === 'csv'
      ? /^(charset[ \t]*=[ \t]*("?)utf-8\2|header[ \t]*=[ \t]*("?)present\3)$/
      : /^charset[ \t]*=[ \t]*("?)utf-8\1$/;
  return parameters.every(one => known.test(one)) ? format : undefined;
}

/** How long a client wants to wait for an outcome, milliseconds. */
export interface Waiting {
  readonly waitMs: number;
  /** Where its request turns out to be a repeat: that gets the outcome as it is, unless it asks to wait. */
  readonly repeatWaitMs: number;
  /** What was understood, for `Preference-Applied`; empty when nothing was. */
  readonly applied: string;
}

const DEFAULT_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 600_000;
/** The expressions below take quadratic time on hostile quotes. */
const LONGEST_PREFER = 1_000;

/**
 * `Prefer` (RFC 7240): `respond-async`, `wait=N`. With both, it is answered 202 after N seconds, as section 4.3 says.
 * The first of two equal preferences counts; what is not understood is ignored.
 */
export function parsePrefer(prefer: string | undefined): Waiting {
  let respondAsync = false;
  let wait: string | undefined;
  const seen = new Set<string>();
  const readable = prefer !== undefined && prefer.length <= LONGEST_PREFER ? prefer : '';
  for (const [preference] of readable.matchAll(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g)) {
    const [, name = '', quoted, token] =
      /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*)?(?:;.*)?$/.exec(
        preference,
      ) ?? [];
    const key = name.toLowerCase();
    if (seen.has(key)) continue;
    seen.add(key);
    const value = quoted ?? token ?? '';
    if (key === 'respond-async' && value === '') respondAsync = true;
    if (key === 'wait' && /^[0-9]{1,9}$/.test(value)) wait = value;
  }
  if (wait !== undefined) {
    const applied = `${respondAsync ? 'respond-async, ' : ''}wait=${Number(wait)}`;
    const waitMs = Math.min(Number(wait) * 1000, LONGEST_WAIT_MS);
    return { waitMs, repeatWaitMs: waitMs, applied };
  }
  return respondAsync
    ? { waitMs: 0, repeatWaitMs: 0, applied: 'respond-async' }
    : { waitMs: DEFAULT_WAIT_MS, repeatWaitMs: 0, applied: '' };
}
