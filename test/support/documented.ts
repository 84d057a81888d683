import { expect } from 'vitest';
import { answerHeaders, onEveryAnswer, type AnswerHeaders } from '../../src/api/answer-headers.ts';
import { calls } from '../../src/api/calls.ts';
import type { Call, Content, No } from '../../src/api/call.ts';
import { noCall } from '../../src/api/nos.ts';

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

type Answers = Pick<Call, 'done' | 'no'>;

const patterns = calls.map(call => ({
  call,
  pattern: new RegExp(`^${call.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`, 'u'),
}));

/** What is documented of a call; undefined for a method or path that is no call. */
function callOf(method: string, path: string): Answers | undefined {
  const [bare = ''] = path.split('?');
  const name = (method === 'HEAD' ? 'GET' : method).toLowerCase();
  return patterns.find(({ call, pattern }) => call.method === name && pattern.test(bare))?.call;
}

/** The types of the two bodies that are shown as lines, and need no schema. */
const typeOf = (headers: Headers): string => (headers.get('content-type') ?? '').split(';')[0] ?? '';

/** Every answer of the gate is one that the API document has, to the last member and header. */
export function expectDocumented(method: string, path: string, answer: Answered): void {
  const where = `${method} ${path} → ${answer.status} ${answer.text.slice(0, 2_000)}`;
  const call: Answers = callOf(method, path) ?? { done: {}, no: noCall };
  const done = call.done[answer.status];
  const no = call.no[answer.status];
  const type = typeOf(answer.headers);
  const isNo = type === 'application/problem+json';
  const content = done?.content[type] ?? (no !== undefined && isNo ? { schema: no.schema } : undefined);
  if (content === undefined) throw new Error(`not in the API document: ${where} (${type})`);
  if (method !== 'HEAD') expectDocumentedBody(answer, type, content, isNo ? no : undefined, where);
  expectDocumentedHeaders(answer.headers, { ...done?.headers, ...no?.headers }, where);
}

function expectDocumentedBody(
  answer: Answered,
  type: string,
  { schema }: Content,
  no: No | undefined,
  where: string,
): void {
  const isWhole = type === 'application/json' || type === 'application/problem+json';
  if (isWhole && schema !== undefined) {
    const read = schema.safeParse(JSON.parse(answer.text));
    expect(read.error?.issues, where).toBeUndefined();
  }
  if (no === undefined) return;
  const { type: rule }: { type: string } = JSON.parse(answer.text);
  expect(
    no.rules.map(name => `/problems/${name}`),
    `the rules of ${where}`,
  ).toContain(rule);
}

/** Each header that says something of an answer is declared there, is as it is declared, and is there if it always is. */
function expectDocumentedHeaders(headers: Headers, declared: AnswerHeaders, where: string): void {
  const known: AnswerHeaders = { ...onEveryAnswer, ...declared };
  for (const [name, schema] of Object.entries(answerHeaders)) {
    const value = headers.get(name);
    const presence = Object.entries(known).find(([one]) => one === name)?.[1];
    if (value === null)
      expect(presence, `the header ${name}, which is missing, of ${where}`).not.toBe('always');
    else {
      expect(presence, `the header ${name}, which is not declared, of ${where}`).toBeDefined();
      expect(
        schema.safeParse(value).error?.issues,
        `the header ${name}: ${value} of ${where}`,
      ).toBeUndefined();
    }
  }
}
