import { expect, it } from 'vitest';

import { checkCertificate } from '../../../src/cli/doctor/certificate.ts';

const expiresMs = Date.parse('2026-12-31T00:00:00Z');
const tls = { pem: { cert: '', key: '' }, expiresMs };
const DAY_MS = 24 * 3600_000;

it('a gate without TLS has no certificate to look at', () => {
  expect(checkCertificate({}, expiresMs)).toEqual([]);
});

it.each([
  [14, 'warn'],
  [15, 'ok'],
])('a certificate that lasts %d days more: %s', (days, status) => {
  const what = "the gate's certificate is good until 2026-12-31T00:00:00.000Z";
  expect(checkCertificate({ tls }, expiresMs - days * DAY_MS)).toMatchObject([{ status, what }]);
});
