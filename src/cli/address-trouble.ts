import { codeOf } from '../kit/fault.ts';

const advice: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'is in use: another program listens there, perhaps another gate. Stop that one, or name another address with `listen`.',
  EADDRNOTAVAIL:
    'is not an address of this machine, or not yet. Name one of its own with `listen`; if it is one, start again once it is there.',
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

/** A machine that starts may have its addresses later than its services. Whoever starts the gate again is right to: its file is as it must be. */
export const mayComeYet = (error: Error): boolean =>
  'syscall' in error && error.syscall === 'listen' && codeOf(error) === 'EADDRNOTAVAIL';

function placeOf(error: object): string {
  const host = 'address' in error ? error.address : 'hostname' in error ? error.hostname : undefined;
  return [host, 'port' in error ? error.port : undefined]
    .filter(part => typeof part === 'string' || typeof part === 'number')
    .join(':');
}
