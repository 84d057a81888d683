import { describe, expect, it } from 'vitest';

import type { Attempted } from '../../src/forward/attempted.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import { transition, type Event } from '../../src/outcome/transition.ts';
import { waiting } from '../support/waiting-operation.ts';

const claimed: Operation = { ...waiting, phase: 'claimed', attempts: 1, claimedBy: 'g', claimedAtMs: 0 };
const idempotent: Operation = { ...claimed, idempotent: true };
const unknown: Operation = { ...claimed, phase: 'ended', outcome: 'unknown', wasUnknown: true };

function after(operation: Operation, event: Event): Operation {
  const result = transition(operation, event, 1_000);
  if ('conflict' in result) throw new Error(`a conflict: ${result.conflict}`);
  return result.operation;
}

const attempt = (kind: Attempted['kind'], more: Partial<Event & { type: 'attempt' }> = {}): Event => ({
  type: 'attempt',
  attempt: 1,
  attempted: { kind, detail: kind },
  ...more,
});
const report = (status: 'delivered' | 'refused', fromExecutor = false, detail?: string): Event => ({
  type: 'report',
  status,
  fromExecutor,
  by: fromExecutor ? 'wiper' : 'oncall',
  ...(detail !== undefined && { detail }),
});
const expired = attempt('never_sent', { attempted: { kind: 'never_sent', why: 'expired', detail: 'x' } });
const stop: Event = { type: 'stop', rule: 'kill_switch.engaged', detail: 'stopped' };

describe('an attempt at an executor that is not idempotent', () => {
  it.each([
    ['delivered', 'delivered', 'ended'],
    ['accepted', 'pending', 'accepted'],
    ['refused', 'refused', 'ended'],
    ['unknown', 'unknown', 'ended'],
    ['never_connected', 'refused', 'ended'],
  ] as const)('that came to %s makes the outcome %s', (kind, outcome, phase) => {
    expect(after(claimed, attempt(kind))).toMatchObject({ outcome, phase });
  });

  it.each([
    ['expired', 'forward.expired'],
    ['held_back', 'kill_switch.engaged'],
  ] as const)('of which nothing was sent (%s) is stopped by %s', (why, rule) => {
    const event = attempt('never_sent', { attempted: { kind: 'never_sent', why, detail: 'x' } });
    expect(after(claimed, event)).toMatchObject({ outcome: 'stopped', phase: 'ended', rule });
  });

  it('is settled when it is known what became of it, with the status that came', () => {
    const answered: Attempted = { kind: 'delivered', httpStatus: 201, detail: 'x' };
    expect(after(claimed, attempt('delivered', { attempted: answered }))).toMatchObject({
      httpStatus: 201,
      settledAtMs: 1_000,
    });
    const untold = after(claimed, attempt('unknown'));
    expect(untold).not.toHaveProperty('httpStatus');
    expect(untold).not.toHaveProperty('settledAtMs');
  });
});

describe('an attempt at an idempotent executor', () => {
  it.each(['unknown', 'never_connected'] as const)('that came to %s is made again, twice', kind => {
    const once = after(idempotent, attempt(kind));
    expect(once).toMatchObject({ phase: 'waiting', outcome: kind === 'unknown' ? 'unknown' : 'pending' });
    expect(once.notBeforeMs).toBeGreaterThan(1_000);
    const third = { ...once, phase: 'claimed', attempts: 3 } as const;
    expect(after(third, attempt(kind, { attempt: 3 }))).toMatchObject({
      phase: 'ended',
      outcome: kind === 'unknown' ? 'unknown' : 'refused',
    });
  });

  it.each(['unknown', 'never_connected', 'delivered', 'refused'] as const)(
    'that came to %s is recorded once, also where the commit of that got no answer',
    kind => {
      const once = after(idempotent, attempt(kind));
      expect(transition(once, attempt(kind), 2_000)).toHaveProperty('conflict');
    },
  );

  it.each(['refused', 'never_connected', 'never_sent'] as const)(
    'that came to %s leaves an earlier unknown one unknown',
    kind => {
      const second: Operation = { ...idempotent, attempts: 3, outcome: 'unknown', wasUnknown: true };
      expect(after(second, attempt(kind, { attempt: 3 }))).toMatchObject({
        outcome: 'unknown',
        phase: 'ended',
      });
    },
  );

  it('that never came to a connection is made again after an unknown one, but not at once', () => {
    const second: Operation = { ...idempotent, attempts: 2, outcome: 'unknown', wasUnknown: true };
    const again = after(second, attempt('never_connected', { attempt: 2 }));
    expect(again).toMatchObject({ outcome: 'unknown', phase: 'waiting' });
    expect(again.notBeforeMs).toBeGreaterThan(1_000);
  });

  it('that was accepted after an unknown one is pending again', () => {
    const second: Operation = { ...claimed, attempts: 2, outcome: 'unknown', wasUnknown: true };
    expect(after(second, attempt('accepted', { attempt: 2 }))).toMatchObject({
      outcome: 'pending',
      phase: 'accepted',
      detail: 'accepted',
      httpStatus: 202,
    });
  });

  it('that was refused, or held back, is the last one', () => {
    expect(after(idempotent, attempt('refused'))).toMatchObject({ outcome: 'refused', phase: 'ended' });
    expect(after(idempotent, attempt('never_sent'))).toMatchObject({ outcome: 'refused', phase: 'ended' });
  });
});

describe('an answer to an earlier attempt', () => {
  const second: Operation = { ...idempotent, attempts: 2, outcome: 'unknown', wasUnknown: true };
  const other = ['accepted', 'refused', 'unknown', 'never_connected', 'never_sent'] as const;

  it('counts while a later one is on the wire if it says delivered, and the targets wait for that one', () => {
    expect(after(second, attempt('delivered'))).toMatchObject({ outcome: 'delivered', phase: 'claimed' });
  });

  it.each(other)('changes nothing while a later one is on the wire if it says %s', kind => {
    expect(after(second, attempt(kind))).toBe(second);
  });

  it.each(['refused', 'unknown', 'never_connected', 'never_sent'] as const)(
    'changes nothing of what stayed unknown after a later one if it says %s',
    kind => {
      const ended: Operation = { ...second, phase: 'ended' };
      expect(after(ended, attempt(kind))).toBe(ended);
    },
  );

  it.each(
    (['refused', 'stopped', 'delivered'] as const).flatMap(outcome => other.map(kind => ({ outcome, kind }))),
  )('changes nothing of what is settled as $outcome if it says $kind', ({ outcome, kind }) => {
    const settled: Operation = { ...idempotent, phase: 'ended', outcome };
    expect(after(settled, attempt(kind))).toBe(settled);
  });

  it('counts if it says delivered, whatever somebody said before in the very same words', () => {
    const words: Attempted = { kind: 'delivered', detail: 'it is done' };
    const refused = after(unknown, report('refused', false, words.detail));
    expect(after(refused, attempt('delivered', { attempted: words }))).toMatchObject({
      outcome: 'delivered',
    });
  });

  it('counts if it says delivered, also in the words of what a later one came to', () => {
    const words: Attempted = { kind: 'delivered', detail: 'it is done' };
    const ended: Operation = { ...second, phase: 'ended', detail: words.detail };
    expect(after(ended, attempt('delivered', { attempted: words }))).toMatchObject({ outcome: 'delivered' });
  });
});

describe('a stop', () => {
  it('ends what waits', () => {
    expect(after(waiting, stop)).toMatchObject({
      outcome: 'stopped',
      phase: 'ended',
      rule: 'kill_switch.engaged',
    });
  });

  it('leaves an unknown attempt unknown, and lets no other be made', () => {
    expect(after({ ...unknown, phase: 'waiting' }, stop)).toMatchObject({
      outcome: 'unknown',
      phase: 'ended',
    });
  });

  it('lets no other attempt be made either where the one that was lost turns out never to have been connected', () => {
    const stopped = after(after(idempotent, { type: 'lost' }), stop);
    expect(after(stopped, attempt('never_connected'))).toMatchObject({ outcome: 'refused', phase: 'ended' });
  });

  it('is too late for what was claimed', () => {
    expect(transition(claimed, stop, 1_000)).toHaveProperty('conflict');
  });
});

describe('a report', () => {
  it('is refused before anything was sent, and after it was stopped', () => {
    expect(transition(waiting, report('delivered', true), 1_000)).toHaveProperty('conflict');
    for (const stopped of [after(waiting, stop), after(claimed, expired)])
      expect(transition(stopped, report('delivered', true), 1_000)).toHaveProperty('conflict');
  });

  it('settles what waits to be tried again', () => {
    const again: Operation = { ...idempotent, phase: 'waiting', outcome: 'unknown', wasUnknown: true };
    expect(after(again, report('refused', true))).toMatchObject({ outcome: 'refused', phase: 'ended' });
  });

  it('of an operator has to wait while an attempt is on the wire', () => {
    expect(transition(claimed, report('refused'), 1_000)).toHaveProperty('conflict');
  });

  it('of the executor counts at once, but the targets come back when the attempt has ended', () => {
    const reported = after(claimed, report('refused', true));
    expect(reported).toMatchObject({ outcome: 'refused', phase: 'claimed' });
    expect(after(reported, attempt('unknown'))).toMatchObject({ outcome: 'refused', phase: 'ended' });
  });

  it('settles what is unknown, or was accepted', () => {
    expect(after(unknown, report('refused'))).toMatchObject({
      ...{ outcome: 'refused', phase: 'ended', rule: 'executor.refused' },
    });
    const delivered = after({ ...claimed, phase: 'accepted' }, report('delivered', true));
    expect(delivered).toMatchObject({ outcome: 'delivered', phase: 'ended' });
    expect(delivered).not.toHaveProperty('rule');
  });

  it('cannot take back what was delivered, and delivered wins over refused', () => {
    const delivered: Operation = { ...claimed, phase: 'ended', outcome: 'delivered' };
    const refused: Operation = { ...claimed, phase: 'ended', outcome: 'refused' };
    expect(after(delivered, report('refused'))).toMatchObject({ outcome: 'delivered' });
    expect(after(refused, report('delivered'))).toMatchObject({ outcome: 'delivered' });
  });

  it('has the words of whoever made it, or says what was reported', () => {
    expect(after(unknown, report('refused')).detail).toBe('reported refused');
    expect(after(unknown, report('refused', false, 'no disk spun')).detail).toBe('no disk spun');
  });
});

describe('by whom an outcome is settled', () => {
  const ended = (outcome: Operation['outcome'], by?: string): Operation => ({
    ...claimed,
    phase: 'ended',
    outcome,
    ...(by !== undefined && { settledBy: by }),
  });
  it.each<[string, Operation, Event, string | undefined]>([
    ['a report', unknown, report('refused'), 'oncall'],
    ['a report while it is on the wire', claimed, report('refused', true), 'wiper'],
    ['a stop of somebody', waiting, { ...stop, by: 'oncall' }, 'oncall'],
    ['a stop of the gate itself', waiting, stop, undefined],
    ['an answer', claimed, attempt('delivered'), undefined],
    [
      'a delivery that is reported over a refusal',
      ended('refused', 'oncall'),
      report('delivered', true),
      'wiper',
    ],
    [
      'a late answer over a refusal that was reported',
      ended('refused', 'oncall'),
      attempt('delivered'),
      undefined,
    ],
    ['a refusal that is reported again', ended('refused', 'oncall'), report('refused', true), 'oncall'],
    [
      'a refusal that contradicts a reported delivery',
      ended('delivered', 'oncall'),
      report('refused', true),
      'oncall',
    ],
    [
      'a refusal that contradicts a delivery that was seen',
      ended('delivered'),
      report('refused', true),
      undefined,
    ],
    [
      'the end of an attempt after a report',
      { ...ended('refused', 'wiper'), phase: 'claimed' },
      attempt('unknown'),
      'wiper',
    ],
    [
      'the end of an attempt that says what was reported',
      { ...ended('delivered', 'wiper'), phase: 'claimed' },
      attempt('delivered'),
      'wiper',
    ],
    ['a stop that is no outcome', { ...unknown, phase: 'waiting' }, { ...stop, by: 'oncall' }, undefined],
  ])('%s', (_what, operation, event, by) => {
    expect(after(operation, event).settledBy).toBe(by);
  });
});

describe('what waits in a database that was put back', () => {
  const restored: Event = { type: 'restored' };
  const doubted = after(waiting, restored);
  const doubtedIdempotent = after({ ...waiting, idempotent: true }, restored);

  it('is unknown, as if it had been sent, and says why', () => {
    expect(doubted).toMatchObject({ outcome: 'unknown', phase: 'ended', wasUnknown: true, attempts: 1 });
    expect(doubted.detail).toContain('it waited in a database that was put back');
    for (const status of ['delivered', 'refused'] as const)
      expect(after(doubted, report(status))).toMatchObject({ outcome: status, settledBy: 'oncall' });
  });

  it('is sent again to an idempotent executor, whose refusal, or a stop, says nothing of what was sent before', () => {
    expect(doubtedIdempotent).toMatchObject({ outcome: 'unknown', phase: 'waiting', attempts: 1 });
    const again: Operation = { ...doubtedIdempotent, phase: 'claimed', attempts: 2 };
    expect(after(again, attempt('delivered', { attempt: 2 }))).toMatchObject({ outcome: 'delivered' });
    for (const kind of ['refused', 'never_sent'] as const)
      expect(after(again, attempt(kind, { attempt: 2 }))).toMatchObject({
        outcome: 'unknown',
        phase: 'ended',
      });
    expect(after(doubtedIdempotent, stop)).toMatchObject({ outcome: 'unknown', phase: 'ended' });
    // Also where that refusal comes late.
    const late = after(again, attempt('unknown', { attempt: 2 }));
    expect(after(late, attempt('refused', { attempt: 2 }))).toMatchObject({ outcome: 'unknown' });
  });

  it('has no attempt more than any other', () => {
    const twice: Operation = { ...waiting, idempotent: true, attempts: 2 };
    expect(after(twice, restored)).toMatchObject({ outcome: 'unknown', phase: 'ended', attempts: 3 });
  });

  it.each([
    ['is on the wire', claimed],
    ['was accepted', { ...claimed, phase: 'accepted' }],
    ['has ended', unknown],
    ['is unknown already, and waits for another try', doubtedIdempotent],
  ] as const)('is left alone if it %s', (_what, operation) => {
    expect(transition(operation, restored, 1_000)).toHaveProperty('conflict');
  });
});

describe('a claim of a gate that died', () => {
  it('is unknown', () => {
    expect(after(claimed, { type: 'lost' })).toMatchObject({
      outcome: 'unknown',
      phase: 'ended',
      wasUnknown: true,
    });
  });

  it.each([
    ['reported delivered', after(claimed, report('delivered', true))],
    ['reported refused', after(claimed, report('refused', true))],
    ['an earlier attempt delivered', { ...claimed, attempts: 2, outcome: 'delivered', wasUnknown: true }],
  ] as const)('stays what it was settled as meanwhile, and is not attempted again: %s', (_what, settled) => {
    for (const idempotentToo of [false, true]) {
      const swept = after({ ...settled, idempotent: idempotentToo }, { type: 'lost' });
      expect(swept).toMatchObject({ outcome: settled.outcome, phase: 'ended' });
    }
  });

  it('is settled by the answer that comes late after all', () => {
    expect(after(unknown, attempt('delivered'))).toMatchObject({ outcome: 'delivered' });
    expect(after(unknown, attempt('refused'))).toMatchObject({ outcome: 'refused' });
  });

  it('is not settled by a late refusal when another attempt was made since', () => {
    const second: Operation = { ...unknown, attempts: 2 };
    expect(after(second, attempt('refused', { attempt: 1 }))).toMatchObject({ outcome: 'unknown' });
  });

  it('keeps its targets while a later attempt is on the wire, also when the late answer says delivered', () => {
    const second: Operation = { ...unknown, attempts: 2, phase: 'claimed' };
    expect(after(second, attempt('delivered', { attempt: 1 }))).toMatchObject({
      outcome: 'delivered',
      phase: 'claimed',
    });
  });
});
