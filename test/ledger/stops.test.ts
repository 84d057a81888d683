import { expect, it } from 'vitest';
import type { EngagedSwitch } from '../../src/ledger/book.ts';
import { stops, stopsAll, type Subject } from '../../src/ledger/stops.ts';

const declaring = (dimensions: Readonly<Record<string, readonly string[]>>) => ({
  declares: (kind: string, dimension: string) => dimensions[kind]?.includes(dimension) === true,
  declaring: (dimension: string) =>
    Object.keys(dimensions).filter(kind => dimensions[kind]?.includes(dimension) === true),
});
const onZone = (lacking?: readonly string[]): EngagedSwitch => ({
  id: 'a',
  scope: { dimension: 'zone', value: 'z0' },
  reason: '',
  except: ['oncall-bot'],
  lacking,
  engagedAt: '',
  engagedBy: '',
});
const subject = (kind: string, touches: boolean | undefined, principal = 'bot'): Subject => ({
  action: 'x',
  kind,
  principal,
  touches: () => touches,
});
const both = declaring({ host: ['zone'], pool: ['zone'], scope: [] });
const host = declaring({ host: ['zone'], pool: [], scope: [] });
const none = declaring({ host: [], pool: [], scope: [] });

it.each([
  ['has the value', both, onZone(['scope']), subject('host', true), true],
  ['has another value', none, onZone(['scope']), subject('host', false), false],
  ['lacks a dimension that its kind declares', both, onZone(['scope']), subject('host', undefined), true],
  [
    'is of a kind that got the dimension since',
    both,
    onZone(['pool', 'scope']),
    subject('pool', undefined),
    true,
  ],
  ['is of a kind that lost the dimension since', host, onZone(['scope']), subject('pool', undefined), true],
  ['is of a kind that has never had it', host, onZone(['scope']), subject('scope', undefined), false],
  ['is of a kind that came since, without it', host, onZone(['scope']), subject('rack', undefined), true],
  ['lacks it, and nobody knows which kinds had it', host, onZone(), subject('scope', undefined), true],
  ['never had what no kind has any more', none, onZone(['scope']), subject('scope', undefined), true],
  ['is let through', none, onZone(), subject('host', undefined, 'oncall-bot'), false],
])('of a switch on a value: what %s', (_, book, engaged, what, isStopped) => {
  expect(stops(engaged, what, book)).toBe(isStopped);
});

it('stops everything where no kind declares its dimension, and says so of nothing else', () => {
  expect(stopsAll(onZone(['scope']), none)).toBe(true);
  expect(stopsAll(onZone(), host)).toBe(false);
  expect(stopsAll({ ...onZone(), scope: { action: 'x' } }, none)).toBe(false);
});
