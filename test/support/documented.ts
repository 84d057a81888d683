import { expect } from 'vitest';
import { calls } from '../../src/api/calls.ts';
import type { Call } from '../../src/api/call.ts';

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const patterns = calls.map(call => ({
  call,
  pattern: new RegExp(`^${call.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`, 'u'),
}));

/** What is documented of a call; undefined for a method or path that is no call. */
function callOf(method: string, path: string): Call | undefined {
  const [bare = ''] = path.split('?');
  return patterns.find(({ call, pattern }) => call.method.toUpperCase() === method && pattern.test(bare))
    ?.call;
}

/** The types of the two bodies that are shown as lines, and need no schema. */
const typeOf = (headers: Headers): string => (headers.get('content-type') ?? '').split(';')[0] ?? '';

/** Every answer of the gate is one that the API document has, to the last member. */
export function expectDocumented(method: string, path: string, answer: Answered): void {
  const call = callOf(method, path);
  const where = `${method} ${path} → ${answer.status} ${answer.text.slice(0, 2_000)}`;
  if (call === undefined) {
    // No call: 404, or 405 with `Allow`; or nobody was known who could hear of it.
    expect([200, 400, 401, 404, 405, 429], where).toContain(answer.status);
    if (answer.status === 405) expect(answer.headers.get('allow'), where).toMatch(/^[A-Z]+(, [A-Z]+)*$/u);
    return;
  }
  const done = call.done[answer.status];
  const no = call.no[answer.status];
  const type = typeOf(answer.headers);
  const content =
    done?.content[type] ??
    (no !== undefined && type === 'application/problem+json' ? { schema: no.schema } : undefined);
  if (content === undefined) throw new Error(`not in the API document: ${where} (${type})`);
  const isWhole = type === 'application/json' || type === 'application/problem+json';
  if (isWhole && content.schema !== undefined) {
    const read = content.schema.safeParse(JSON.parse(answer.text));
    expect(read.error?.issues, where).toBeUndefined();
  }
  if (no !== undefined && done === undefined) expectDocumentedNo(answer, no.rules, where);
  expectDocumentedHeaders(answer, [...(done?.headers ?? []), ...(no?.headers ?? [])], where);
}

function expectDocumentedNo(answer: Answered, rules: readonly string[], where: string): void {
  const { type }: { type: string } = JSON.parse(answer.text);
  expect(
    rules.map(rule => `/problems/${rule}`),
    `the rules of ${where}`,
  ).toContain(type);
}

/** Headers that say something of the answer, and those that must be there with it. */
function expectDocumentedHeaders(
  { status, headers }: Answered,
  known: readonly string[],
  where: string,
): void {
  const said = [
    'Location',
    'Idempotency-Replayed',
    'Preference-Applied',
    'Retry-After',
    'WWW-Authenticate',
    'Allow',
  ].filter(name => headers.has(name));
  expect(
    said.filter(name => !known.includes(name)),
    `headers of ${where}`,
  ).toEqual([]);
  if (status === 401) expect(said, where).toContain('WWW-Authenticate');
  if (status === 202) expect(said, where).toContain('Location');
  if (status === 429) expect(said, where).toContain('Retry-After');
}
