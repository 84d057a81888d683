import { codeOf } from '../kit/fault.ts';

const advice: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'is in use: another program listens there, perhaps another gate. Stop that one, or name another address with `listen`.',
  EADDRNOTAVAIL: 'is not an address of this machine. Name one of its own with `listen`.',
  EACCES: 'may not be listened on by this user. Name a port above 1023 with `listen`.',
  ENOTFOUND:
    'is not known by that name. Name a host that resolves to this machine, or an address, with `listen`.',
};

/** What keeps a gate from listening where its configuration says, and what to do; undefined for any other error. */
export function addressTrouble(error: Error): string | undefined {
  if (!('syscall' in error && (error.syscall === 'listen' || error.syscall === 'getaddrinfo')))
    return undefined;
  const said = advice[codeOf(error)];
  return said === undefined ? undefined : `The address ${placeOf(error)} ${said}`;
}

function placeOf(error: object): string {
  const host = 'address' in error ? error.address : 'hostname' in error ? error.hostname : undefined;
  return [host, 'port' in error ? error.port : undefined]
    .filter(part => typeof part === 'string' || typeof part === 'number')
    .join(':');
}
