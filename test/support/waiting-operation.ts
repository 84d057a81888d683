import type { Operation } from '../../src/ledger/operation.ts';

/** One that was allowed, and that nothing has claimed. */
export const waiting: Operation = {
  id: 'r1',
  seq: 1,
  action: 'disk.wipe',
  kind: 'host',
  principal: 'bot',
  targetCount: 1,
  decidedAtMs: 0,
  dimensionValues: {},
  policyDigest: 'p',
  inventoryRevision: 1,
  labelsDigest: 'l',
  timeoutMs: 30_000,
  validForMs: 60_000,
  idempotent: false,
  outcome: 'pending',
  phase: 'waiting',
  wasUnknown: false,
  attempts: 0,
};
