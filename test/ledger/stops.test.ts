import { expect, it } from 'vitest';
import type { EngagedSwitch } from '../../src/ledger/book.ts';
import { stoppableOf, stops, whyStopsAll, whyStopsNothing, type Stoppable } from '../../src/ledger/stops.ts';

const declaring = (dimensions: Readonly<Record<string, readonly string[]>>) => ({
  declaresAction: (name: string) => ['disk.erase', 'x'].includes(name),
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
const onAction = (action: string): EngagedSwitch => ({ ...onZone(), scope: { action } });
const subject = (kind: string, touches: boolean | undefined, principal = 'bot', action = 'x'): Stoppable => ({
  action,
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

it.each([
  ['is the action', onAction('x'), subject('host', false), true],
  ['is another action', onAction('disk.erase'), subject('host', false), false],
  ['may be the action, which is not declared any more', onAction('disk.wipe'), subject('host', false), true],
  [
    'was allowed as an action that is not declared any more',
    onAction('disk.erase'),
    subject('host', false, 'bot', 'disk.wipe'),
    true,
  ],
  ['is let through', onAction('disk.wipe'), subject('host', false, 'oncall-bot'), false],
])('of a switch on an action: what %s', (_, engaged, what, isStopped) => {
  expect(stops(engaged, what, host)).toBe(isStopped);
});

it('stops everything where nothing declares its dimension or action, and says so of nothing else', () => {
  expect(whyStopsAll(onZone(['scope']), none)).toMatch(/^No kind declares this dimension any more/);
  expect(whyStopsAll(onAction('disk.wipe'), host)).toMatch(/^This action is not declared here/);
  for (const engaged of [onZone(), onAction('x'), { ...onZone(), scope: {} }])
    expect(whyStopsAll(engaged, host)).toBeUndefined();
});

it('of everything stops everything, but who is let through', () => {
  const all: EngagedSwitch = { ...onZone(), scope: {} };
  expect(stops(all, subject('host', false), none)).toBe(true);
  expect(stops(all, subject('host', true, 'oncall-bot'), none)).toBe(false);
});

it('stops nothing new where its value is gone, and says so of no switch that stops everything', () => {
  const says = (engaged: EngagedSwitch, book: typeof host, isThere: boolean): string | undefined =>
    whyStopsNothing(engaged, { ...book, hasValue: () => isThere });
  expect(says(onZone(), host, false)).toMatch(/^No target has this value any more/);
  expect(says(onZone(), host, true)).toBeUndefined();
  expect(says(onZone(), none, false)).toBeUndefined();
  expect(says(onAction('x'), host, false)).toBeUndefined();
});

it.each(['toString', 'valueOf', 'zone'])(
  'what was allowed before %s was a dimension may have any value of it',
  name => {
    const one = stoppableOf({ action: 'x', kind: 'host', principal: 'bot', dimensionValues: {} });
    expect(one.touches(name, 'a')).toBeUndefined();
  },
);

it('what was allowed with targets that lacked a dimension may have any value of it, and else those it had', () => {
  const zones = (values: readonly string[]): Stoppable =>
    stoppableOf({ action: 'x', kind: 'host', principal: 'bot', dimensionValues: { zone: values } });
  expect(['z1', 'z2'].map(value => zones(['z1', '']).touches('zone', value))).toEqual([true, undefined]);
  expect(['z1', 'z2'].map(value => zones(['z1']).touches('zone', value))).toEqual([true, false]);
});
