import { describe, expect, it } from 'vitest';

import { ClockWatch, type KeptJump, type OpenJump } from '../../src/ledger/clock-watch.ts';

const START = 1_800_000_000_000;

function gateClock() {
  const now = { wallMs: START, monotonicMs: 500 };
  return {
    clock: { wallMs: () => now.wallMs, monotonicMs: () => now.monotonicMs },
    pass: (ms: number): void => {
      now.wallMs += ms;
      now.monotonicMs += ms;
    },
  };
}

describe('the clock watch', () => {
  it('finds a database that is behind the last entry at start', () => {
    const { clock } = gateClock();
    const reading = new ClockWatch(clock).read(START, START + 1);
    expect(reading.jumped).toBe(true);
    expect(reading.nowMs).toBeGreaterThanOrEqual(START + 1);
  });

  it('finds a database that is off the wall clock at start, in either direction', () => {
    for (const off of [5_001, -5_001]) {
      const { clock } = gateClock();
      expect(new ClockWatch(clock).read(START + off, 0).jumped).toBe(true);
    }
  });

  it('finds nothing at a start right after the last entry, or 5 s off', () => {
    for (const off of [5_000, 0, -5_000]) {
      const { clock } = gateClock();
      const read = new ClockWatch(clock).read(START + off, START + off);
      expect(read).toEqual({ nowMs: START + off, jumped: false });
    }
  });

  it('stays off the wall clock of its start until they agree, however young the last entry is', () => {
    const { clock, pass } = gateClock();
    const watch = new ClockWatch(clock);
    const databaseMs = START + 3_600_000;
    expect(watch.read(databaseMs, databaseMs - 100).jumped).toBe(true);
    pass(1_000);
    expect(watch.read(databaseMs + 1_000, databaseMs - 100).jumped).toBe(true);
    watch.accept(databaseMs + 1_000);
    pass(1_000);
    expect(watch.read(databaseMs + 2_000, databaseMs + 1_000).jumped).toBe(false);
  });

  it('lets 5 s pass, and not a millisecond more, between two readings', () => {
    for (const [off, jumped] of [
      [5_000, false],
      [-5_000, false],
      [5_001, true],
      [-5_001, true],
    ] as const) {
      const { clock, pass } = gateClock();
      const watch = new ClockWatch(clock);
      expect(watch.read(START, 0).jumped).toBe(false);
      pass(60_000);
      expect(watch.read(START + 60_000 + off, START).jumped).toBe(jumped);
    }
  });

  it('writes the earlier of both times while they were never agreed on, and takes neither for agreed', () => {
    for (const off of [3_600_000, -3_600_000]) {
      const { clock, pass } = gateClock();
      const watch = new ClockWatch(clock);
      const earlierMs = START + Math.min(0, off);
      expect(watch.read(START + off, 0)).toEqual({ nowMs: earlierMs, jumped: true });
      pass(1_000);
      expect(watch.read(START + off + 1_000, 0)).toEqual({ nowMs: earlierMs + 1_000, jumped: true });
      pass(1_000);
      expect(watch.read(START + 2_000, 0)).toEqual({ nowMs: START + 2_000, jumped: false });
      pass(1_000);
      expect(watch.read(START + off, 0)).toEqual({ nowMs: START + 3_000, jumped: true });
    }
  });

  it('lets the last entry be 5 s ahead of the database, and not a millisecond more', () => {
    for (const [ahead, jumped] of [
      [5_000, false],
      [5_001, true],
    ] as const) {
      const { clock, pass } = gateClock();
      const watch = new ClockWatch(clock);
      watch.read(START, 0);
      pass(1_000);
      expect(watch.read(START + 1_000, START + 1_000 + ahead).jumped).toBe(jumped);
    }
  });

  it('goes on from the last agreed time while the database is elsewhere', () => {
    const { clock, pass } = gateClock();
    const watch = new ClockWatch(clock);
    watch.read(START, 0);
    pass(1_000);
    expect(watch.read(START + 3_600_000, START).nowMs).toBe(START + 1_000);
    pass(1_000);
    expect(watch.read(START - 3_600_000, START).nowMs).toBe(START + 2_000);
  });

  it('agrees again by itself when the database comes back', () => {
    const { clock, pass } = gateClock();
    const watch = new ClockWatch(clock);
    watch.read(START, 0);
    pass(1_000);
    expect(watch.read(START + 3_600_000, START).jumped).toBe(true);
    pass(1_000);
    expect(watch.read(START + 2_000, START)).toEqual({ nowMs: START + 2_000, jumped: false });
  });

  it('takes the time that an operator accepted', () => {
    const { clock, pass } = gateClock();
    const watch = new ClockWatch(clock);
    watch.read(START, 0);
    pass(1_000);
    expect(watch.read(START - 3_600_000, START).jumped).toBe(true);
    watch.accept(START - 3_600_000);
    pass(10);
    expect(watch.read(START - 3_600_000 + 10, START - 3_600_000)).toEqual({
      nowMs: START - 3_600_000 + 10,
      jumped: false,
    });
  });

  it('goes on from the accepted time where the database leaves that again at once, though they never agreed before', () => {
    const { clock, pass } = gateClock();
    const watch = new ClockWatch(clock);
    const databaseMs = START + 3_600_000;
    watch.read(databaseMs, 0);
    watch.accept(databaseMs);
    pass(1_000);
    expect(watch.read(START, databaseMs)).toEqual({ nowMs: databaseMs + 1_000, jumped: true });
  });

  it('stands still while the database is a little behind what it said before', () => {
    const { clock, pass } = gateClock();
    const watch = new ClockWatch(clock);
    expect(watch.read(START + 4_000, START).nowMs).toBe(START + 4_000);
    for (const [passed, nowMs] of [
      [0, START + 4_000],
      [3_999, START + 4_000],
      [2, START + 4_001],
    ] as const) {
      pass(passed);
      const databaseMs = clock.wallMs();
      expect(watch.read(databaseMs, START)).toEqual({ nowMs, jumped: false });
    }
  });

  it('is never earlier than the last entry', () => {
    const { clock, pass } = gateClock();
    const watch = new ClockWatch(clock);
    watch.read(START, 0);
    pass(100);
    expect(watch.read(START + 100, START + 4_000).nowMs).toBe(START + 4_000);
  });
});

describe('the clock watch of a gate that is started again', () => {
  const JUMP: OpenJump = { boot: 'b', sinceBootMs: 1_000, atMs: START, accepted: 2 };

  /** A watch on a machine that has run for so long; both its clocks agree, unless told otherwise. */
  function begin(
    found: KeptJump['found'],
    sinceBootMs: number,
    { boot = 'b', wallMs = START, accepted = 2 } = {},
  ) {
    const kept: (OpenJump | undefined)[] = [];
    const now = { wallMs, monotonicMs: 500, sinceBootMs };
    const watch = new ClockWatch(
      {
        wallMs: () => now.wallMs,
        monotonicMs: () => now.monotonicMs,
        sinceBoot: () => ({ boot, ms: now.sinceBootMs }),
      },
      { found, keep: jump => kept.push(jump) },
    );
    watch.knows(accepted, wallMs);
    const pass = (ms: number): void => {
      now.monotonicMs += ms;
      now.sinceBootMs += ms;
    };
    return { watch, kept, pass };
  }

  it('has kept a jump once, with the time that was agreed, and keeps none when it is over', () => {
    const { watch, kept, pass } = begin(undefined, 1_000);
    expect(watch.read(START, 0).jumped).toBe(false);
    expect(kept).toEqual([]);
    for (let step = 1; step <= 2; step += 1) {
      pass(1_000);
      expect(watch.read(START + 7_200_000, 0).jumped).toBe(true);
    }
    expect(kept).toEqual([{ ...JUMP, sinceBootMs: 2_000, atMs: START + 1_000 }]);
    pass(1_000);
    expect(watch.read(START + 3_000, 0).jumped).toBe(false);
    expect(kept.slice(1)).toEqual([undefined]);
  });

  it('lets 5 s pass, and not a millisecond more, since a jump was seen, however long that is', () => {
    for (const [off, jumped] of [
      [5_000, false],
      [-5_000, false],
      [5_001, true],
      [-5_001, true],
    ] as const) {
      const wallMs = START + 86_400_000 + off;
      const { watch, kept } = begin(JUMP, 1_000 + 86_400_000, { wallMs });
      expect(watch.read(wallMs, START).jumped).toBe(jumped);
      expect(kept).toEqual(jumped ? [] : [undefined]);
    }
  });

  it('goes on from the time that was agreed, and agrees again where the database comes back to it', () => {
    const wallMs = START - 7_200_000;
    const { watch, kept, pass } = begin(JUMP, 2_000, { wallMs });
    expect(watch.read(wallMs, START - 7_300_000)).toEqual({ nowMs: START + 1_000, jumped: true });
    pass(1_000);
    expect(watch.read(wallMs + 1_000, START + 1_000).jumped).toBe(true);
    pass(1_000);
    expect(watch.read(START + 3_000, START + 1_000)).toEqual({ nowMs: START + 3_000, jumped: false });
    expect(kept).toEqual([undefined]);
  });

  it('takes the word of an operator, of whatever gate, over a jump that was seen before it', () => {
    const wallMs = START + 7_200_000;
    const later = begin(JUMP, 2_000, { wallMs, accepted: 3 });
    expect(later.watch.read(wallMs, START).jumped).toBe(false);
    expect(later.kept).toEqual([undefined]);
    const { watch, kept } = begin(JUMP, 2_000, { wallMs });
    expect(watch.read(wallMs, START).jumped).toBe(true);
    watch.knows(3, wallMs);
    expect(watch.read(wallMs, START)).toEqual({ nowMs: wallMs, jumped: false });
    expect(kept).toEqual([undefined]);
  });

  it('cannot compare runs of a machine: a jump that was seen in another one stays until it is accepted', () => {
    for (const [found, boot, sinceBootMs] of [
      [JUMP, 'c', 5_000],
      [JUMP, 'b', 999],
      [{ ...JUMP, boot: '' }, '', 5_000],
      ['unreadable', 'b', 5_000],
    ] as const) {
      const { watch, kept, pass } = begin(found, sinceBootMs, { boot });
      expect(watch.read(START, 0).jumped).toBe(true);
      pass(60_000);
      expect(watch.read(START + 60_000, 0).jumped).toBe(true);
      expect(kept).toEqual([]);
      watch.knows(3, START + 60_000);
      expect(watch.read(START + 60_000, 0).jumped).toBe(false);
      expect(kept).toEqual([undefined]);
    }
  });

  it('keeps nothing of clocks that never agreed: set right, they do at the next start', () => {
    const { watch, kept } = begin(undefined, 1_000);
    expect(watch.read(START + 7_200_000, 0).jumped).toBe(true);
    expect(kept).toEqual([]);
  });
});
