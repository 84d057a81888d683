import { randomUUID } from 'node:crypto';
import { keyOf } from '../support/gate.ts';
import { ACTION, hostName, stateOf } from './bench-gate.ts';
import type { Load } from './load.ts';
import { askedOfOpa } from './opa-server.ts';

const TARGETS = 2;

const bodyOf = (ids: readonly string[]): string =>
  JSON.stringify({ action: ACTION, targets: { ids }, reason: 'rack r12 is retired', ticket: 'DC-4711' });

/** Pairs of hosts of one rack in a state, one pair after the other and then again. */
function pairs(hosts: number, state: string): () => readonly string[] {
  const firsts = Array.from({ length: Math.floor(hosts / TARGETS) }, (_, pair) => pair * TARGETS).filter(
    index => stateOf(index) === state,
  );
  let next = 0;
  return () => {
    const first = firsts[next % firsts.length] ?? 0;
    next += 1;
    return [hostName(first), hostName(first + 1)];
  };
}

export type Kind = 'refused' | 'pre-flight' | 'delivered' | 'bare' | 'insert' | 'opa';

/** What is sent, and the status that each answer must have. */
export interface Sent extends Pick<Load, 'path' | 'key' | 'next' | 'holds'> {
  readonly status: number;
}

/** The requests of a row over an inventory of so many hosts. All carry the same head and a body of the same size. */
export function requestsOf(kind: Kind, hosts: number): Sent {
  const key = keyOf('bot');
  const next = pairs(hosts, kind === 'refused' ? 'serving' : 'decommissioning');
  const withKey = () => ({ body: bodyOf(next()), idempotencyKey: randomUUID() });
  switch (kind) {
    case 'refused':
      return { path: '/v1/requests', key, next: withKey, status: 403, holds: '/problems/labels.not_allowed' };
    case 'delivered':
      return { path: '/v1/requests', key, next: withKey, status: 200, holds: '"status":"delivered"' };
    case 'pre-flight':
      return {
        path: '/v1/preflight',
        key,
        next: () => ({ body: bodyOf(next()) }),
        status: 200,
        holds: '"decision":"allowed"',
      };
    case 'bare':
      return { path: '/bare', key, next: withKey, status: 200, holds: '"decision":"refused"' };
    case 'opa':
      return askedOfOpa;
    case 'insert':
      return { path: '/insert', key, next: withKey, status: 200, holds: '"decision":"refused"' };
  }
}
