import { describe, expect, it } from 'vitest';
import { expectDocumented } from './documented.ts';

// The helper that holds each answer of the contract tests against the API document: that it can fail.

const ID = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const problem = (rule: string, status: number): string =>
  JSON.stringify({ type: `/problems/${rule}`, title: 't', status, detail: 'd', instance: `urn:uuid:${ID}` });
const answered = (status: number, text: string, headers: Readonly<Record<string, string>>) => ({
  status,
  text,
  headers: new Headers({
    'content-type': status < 400 ? 'application/json' : 'application/problem+json',
    'x-request-id': ID,
    ...headers,
  }),
});
const check = (method: string, path: string, answer: ReturnType<typeof answered>) => () =>
  expectDocumented(method, path, answer);

describe('an answer is held against the API document, its headers too', () => {
  const throttled = (headers: Readonly<Record<string, string>>) =>
    answered(429, problem('request.throttled', 429), headers);
  const wrong = (headers: Readonly<Record<string, string>>) =>
    answered(401, problem('request.unauthenticated', 401), headers);

  it('takes what is declared', () => {
    expect(check('GET', '/livez', answered(200, '{"live":true}', {}))).not.toThrow();
    expect(check('GET', '/v1/policy', throttled({ 'retry-after': '60' }))).not.toThrow();
    expect(
      check('GET', '/v1/policy', wrong({ 'www-authenticate': 'Bearer realm="interlock"' })),
    ).not.toThrow();
    const not = answered(405, problem('request.method_not_allowed', 405), { allow: 'GET, HEAD' });
    expect(check('DELETE', '/v1/policy', not)).not.toThrow();
  });

  it.each([
    ['Retry-After', 'GET', '/v1/policy', throttled({})],
    ['WWW-Authenticate', 'GET', '/v1/policy', wrong({})],
    ['Allow', 'PUT', '/v1/policy', answered(405, problem('request.method_not_allowed', 405), {})],
    [
      'X-Request-Id',
      'GET',
      '/livez',
      { ...answered(200, '{"live":true}', {}), headers: new Headers({ 'content-type': 'application/json' }) },
    ],
  ])('fails for a header that must be there and is not: %s', (name, method, path, answer) => {
    expect(check(method, path, answer)).toThrow(`the header ${name}, which is missing`);
  });

  it.each([
    ['RateLimit', { ratelimit: '"a";r=1' }],
    ['RateLimit-Policy', { 'ratelimit-policy': '"a";q=1;w=60' }],
    ['Retry-After', { 'retry-after': '60' }],
    ['Idempotency-Replayed', { 'idempotency-replayed': 'true' }],
    ['Location', { location: `/v1/requests/${ID}` }],
    ['WWW-Authenticate', { 'www-authenticate': 'Bearer x' }],
    ['Allow', { allow: 'GET' }],
    ['Preference-Applied', { 'preference-applied': 'wait=1' }],
  ])('fails for a header that is sent and not declared: %s', (name, headers) => {
    expect(check('GET', '/livez', answered(200, '{"live":true}', headers))).toThrow(
      `the header ${name}, which is not declared`,
    );
  });

  it('fails for a header that is not as it is declared', () => {
    expect(check('GET', '/v1/policy', throttled({ 'retry-after': '0' }))).toThrow(
      'the header Retry-After: 0',
    );
    expect(check('GET', '/livez', answered(200, '{"live":true}', { 'x-request-id': 'a b' }))).toThrow(
      'the header X-Request-Id: a b',
    );
  });
});
