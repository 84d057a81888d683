import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { addressTrouble } from '../../src/cli/address-trouble.ts';

const failed = (more: object): Error => Object.assign(new Error('as Node says it'), more);

test('a port in use is told with its address and what to do', async () => {
  const first = createServer().listen(0, '127.0.0.1');
  await once(first, 'listening');
  const address = first.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const second = createServer().listen(port, '127.0.0.1');
  const [error]: unknown[] = await once(second, 'error').catch((thrown: unknown) => [thrown]);
  first.close();
  expect(error instanceof Error && addressTrouble(error)).toBe(
    `The address 127.0.0.1:${port} is in use: another program listens there, perhaps another gate. Stop that one, or name another address with \`listen\`.`,
  );
});

test.each([
  ['EADDRNOTAVAIL', 'is not an address of this machine'],
  ['EACCES', 'may not be listened on by this user'],
])('%s is told with its address', (code, sentence) => {
  const error = failed({ syscall: 'listen', code, address: '192.0.2.1', port: 80 });
  expect(addressTrouble(error)).toContain(`The address 192.0.2.1:80 ${sentence}`);
});

test('a host that has no address is told with its name', () => {
  const error = failed({ syscall: 'getaddrinfo', code: 'ENOTFOUND', hostname: 'gate.invalid' });
  expect(addressTrouble(error)).toContain('The address gate.invalid is not known by that name');
});

test.each([
  failed({}),
  failed({ syscall: 'open', code: 'EACCES' }),
  failed({ syscall: 'connect', code: 'EADDRNOTAVAIL' }),
  failed({ syscall: 'listen', code: 'EMFILE' }),
])('anything else is not told as a trouble with the address', error => {
  expect(addressTrouble(error)).toBeUndefined();
});
