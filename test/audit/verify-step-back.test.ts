import { describe, expect, it } from 'vitest';
import { ChainVerifier, type Anchor, type ShownEntry } from '../../src/audit/verify-chain.ts';
import { anchorsOf, type Signed } from '../../src/audit/verify-step-back.ts';
import { entryHash, GENESIS } from '../../src/ledger/chain.ts';

// A copy was put back, and a gate was told so. The file of its checkpoints holds those of both histories.

const atOf = (minute: number): string => new Date(1_790_000_000_000 + minute * 60_000).toISOString();

/** So many entries on top of some; `name` makes them another history than others. */
function goOn(before: readonly ShownEntry[], count: number, name: string): ShownEntry[] {
  const chain = [...before];
  for (let more = 0; more < count; more += 1) {
    const seq = chain.length + 1;
    const prev = chain.at(-1)?.hash ?? GENESIS;
    const body = JSON.stringify({ name });
    const at = atOf(seq);
    chain.push({ seq, at, type: 'outcome', body, prev, hash: entryHash(seq, at, 'outcome', body, prev) });
  }
  return chain;
}

const lost = goOn([], 20, 'lost');
const copy = lost.slice(0, 15);
const anew = goOn(copy, 15, 'anew');

const anchorIn = (chain: readonly ShownEntry[], seq: number, minute = seq): Anchor => {
  const entry = chain[seq - 1];
  if (entry === undefined) throw new Error(`the chain has no entry ${seq}`);
  return { seq, hash: entry.hash, at: atOf(minute) };
};
const signed = (anchor: Anchor, key = 'a'): Signed => ({ anchor, key });
const checkpoint = (chain: readonly ShownEntry[], seq: number, minute = seq, key = 'a'): Signed =>
  signed(anchorIn(chain, seq, minute), key);
/** A step back after entry `held`, from the lost history to a head of another one. */
const stepBack = (from: Anchor, held: number, to: Anchor, key = 'a'): Signed => ({
  anchor: to,
  stepBack: { at: to.at, held, from },
  key,
});
const back15 = stepBack(anchorIn(lost, 20), 15, anchorIn(copy, 15, 30));
const before = [5, 12, 17, 20].map(seq => checkpoint(lost, seq));

/** A gate writes the checkpoint of the head that it took with each step back. */
const whole = (lines: readonly Signed[]): Signed[] =>
  lines.flatMap(line => (line.stepBack === undefined ? [line] : [line, signed(line.anchor, line.key)]));

const verify = (chain: readonly ShownEntry[], lines: readonly Signed[]) => verifyAsIs(chain, whole(lines));

function verifyAsIs(chain: readonly ShownEntry[], lines: readonly Signed[]) {
  const verifier = new ChainVerifier(anchorsOf(lines));
  for (const entry of chain) verifier.add(entry);
  const { finding, givenUp, anchor, endGivenUp } = verifier.end(chain.at(-1));
  return {
    finding: finding && [finding.how, finding.seq],
    givenUp,
    anchored: anchor?.seq,
    ...(endGivenUp && { endGivenUp: endGivenUp.entry }),
  };
}

describe('the checkpoints of a history that was given up', () => {
  it('are told, and are no tampering', () => {
    const lines = [...before, back15, checkpoint(anew, 25)];
    expect(verify(anew, lines)).toEqual({
      finding: undefined,
      givenUp: [{ entry: 15, at: atOf(30), checkpoints: 2 }],
      anchored: 25,
    });
  });

  it('are told where the copy is of a history that had been given up itself', () => {
    const older = goOn(lost.slice(0, 5), 4, 'from an older copy');
    const onWith17 = goOn(lost.slice(0, 17), 6, 'found again');
    const lines = [
      ...before,
      stepBack(anchorIn(lost, 20), 5, anchorIn(older, 7, 30)),
      ...[7, 9].map(seq => checkpoint(older, seq, 30 + seq)),
      stepBack(anchorIn(older, 9, 39), 5, anchorIn(onWith17, 18, 50)),
      checkpoint(onWith17, 20, 55),
    ];
    expect(verify(onWith17, lines)).toMatchObject({ finding: undefined, anchored: 20 });
    // What is held is what makes the two of the older copy's history no tampering.
    const unheld = lines.map(line =>
      line.stepBack?.from.seq === 9 ? { ...line, stepBack: { ...line.stepBack, held: 17 } } : line,
    );
    expect(verify(onWith17, unheld).finding).toBeDefined();
  });

  it('are told where the chain is not so long yet', () => {
    expect(verify(copy, [...before, back15])).toEqual({
      finding: undefined,
      givenUp: [{ entry: 15, at: atOf(30), checkpoints: 2 }],
      anchored: 15,
    });
  });

  it('are told where other gates had gone on with the copy', () => {
    const lines = [...before, stepBack(anchorIn(lost, 20), 15, anchorIn(anew, 25, 30))];
    expect(verify(anew, lines)).toMatchObject({
      finding: undefined,
      givenUp: [{ entry: 15, checkpoints: 2 }],
    });
  });

  it('are those of each step back where there were several', () => {
    const third = goOn(anew.slice(0, 10), 20, 'third');
    const on28 = anchorIn(anew, 28, 40);
    const back10 = stepBack(on28, 10, anchorIn(third, 10, 50));
    const lines = [...before, back15, signed(on28), back10, checkpoint(third, 30)];
    expect(verify(third, lines)).toEqual({
      finding: undefined,
      // The step back to 15 is itself of what was given up at 10, as is the one of entry 12.
      givenUp: [
        { entry: 10, at: atOf(50), checkpoints: 3 },
        { entry: 15, at: atOf(30), checkpoints: 2 },
      ],
      anchored: 30,
    });
  });

  it('are none where a crash cut the step back off from its checkpoint, whatever was put back then', () => {
    const never = goOn(lost.slice(0, 12), 1, 'cut off');
    const cut = stepBack(anchorIn(lost, 20), 12, anchorIn(never, 13, 30));
    // The database that had it all.
    const on = [...before, cut, checkpoint(lost, 20, 40)];
    expect(verifyAsIs(lost, on)).toEqual({ finding: undefined, givenUp: [], anchored: 20 });
    expect(verifyAsIs(lost, [...before, cut])).toEqual({ finding: undefined, givenUp: [], anchored: 20 });
    // Another copy, of which the gate was told.
    expect(verifyAsIs(anew, [...before, cut, ...whole([back15]), checkpoint(anew, 25)])).toEqual({
      finding: undefined,
      givenUp: [{ entry: 15, at: atOf(30), checkpoints: 2 }],
      anchored: 25,
    });
    // The checkpoint of another gate is none of this step back.
    const others = [signed(cut.anchor, 'b'), cut];
    expect(verifyAsIs(never, [...before, ...others])).toMatchObject({ finding: ['removed', 14] });
  });

  it('are none where all is one history after all', () => {
    const back16 = stepBack(anchorIn(lost, 20), 15, anchorIn(lost, 16, 30));
    const lines = [...before, back16, checkpoint(lost, 20, 40)];
    expect(verify(lost, lines)).toEqual({ finding: undefined, givenUp: [], anchored: 20 });
  });

  it('are those of each step back, also of one right after the other', () => {
    // The first one and its checkpoint say the same head, at the same time.
    const on15 = anchorIn(copy, 15, 30);
    const third = goOn(lost.slice(0, 12), 10, 'third');
    const back12 = stepBack(on15, 12, anchorIn(third, 12, 31));
    const lines = [
      ...before,
      back15,
      signed(on15),
      back12,
      checkpoint(third, 12, 31),
      checkpoint(third, 20, 40),
    ];
    expect(verifyAsIs(third, lines)).toMatchObject({ finding: undefined, anchored: 20 });
  });

  it('are also those of before that were given up with what lay behind them, where a later copy is an older one', () => {
    const third = goOn(lost.slice(0, 4), 30, 'third');
    const lines = [
      ...[...before, back15, checkpoint(copy, 15, 30), checkpoint(anew, 16, 31)],
      ...[stepBack(anchorIn(anew, 16, 31), 4, anchorIn(third, 4, 50)), checkpoint(third, 4, 50)],
      checkpoint(third, 9, 60),
    ];
    // What was given up at 15 went further than what is given up now.
    expect(verify(third, lines)).toMatchObject({ finding: undefined, anchored: 9 });
    expect(verify(third.slice(0, 8), lines)).toMatchObject({ finding: ['removed', 9] });
  });

  it('are told though the clock of the gate was ahead for a while before', () => {
    const ahead = [checkpoint(lost, 17, 70), checkpoint(lost, 20, 20)];
    const lines = [checkpoint(lost, 12), ...ahead, back15, checkpoint(copy, 15, 30), checkpoint(anew, 25)];
    expect(verify(anew, lines)).toEqual({
      finding: undefined,
      givenUp: [{ entry: 15, at: atOf(30), checkpoints: 2 }],
      anchored: 25,
    });
    // It is ahead still, or is so again, when the step back is signed, and then set right.
    const on = [stepBack(anchorIn(lost, 20), 15, anchorIn(copy, 15, 90)), checkpoint(anew, 25, 40)];
    expect(verify(anew, [...before, ...on])).toMatchObject({ finding: undefined, anchored: 25 });
    expect(verify(anew.slice(0, 24), [...before, ...on])).toMatchObject({ finding: ['removed', 25] });
  });

  it('vouch for nothing: a history that was given up is not anchored by them, nor is its end', () => {
    const told = { finding: undefined, givenUp: [{ entry: 15, at: atOf(30), checkpoints: 2 }] };
    expect(verify(lost, [...before, back15])).toEqual({ ...told, anchored: 15, endGivenUp: 15 });
    const alone = [17, 20].map(seq => checkpoint(lost, seq));
    const back0 = stepBack(anchorIn(lost, 20), 0, anchorIn(copy, 1, 30));
    expect(verify(lost, [...alone, back0])).toMatchObject({ anchored: 1, endGivenUp: 0 });
  });
});

describe('the files of two gates, one after the other', () => {
  // The second one was away while the first went on, and has an older newest checkpoint.
  const ofA = [
    ...before,
    back15,
    checkpoint(copy, 15, 30),
    checkpoint(anew, 16, 31),
    checkpoint(anew, 17, 32),
  ];
  const ofB = [
    ...[checkpoint(lost, 6, 6, 'b'), checkpoint(lost, 16, 16, 'b'), checkpoint(lost, 18, 18, 'b')],
    ...[stepBack(anchorIn(lost, 18), 6, anchorIn(anew, 17, 35), 'b'), checkpoint(anew, 17, 35, 'b')],
  ];
  const orders = [
    [...ofA, ...ofB],
    [...ofB, ...ofA],
  ];

  it('are whole, and each says what it gave up', () => {
    for (const lines of orders) {
      const { finding, anchored, givenUp } = verify(anew, lines);
      expect([finding, anchored]).toEqual([undefined, 17]);
      expect(givenUp.reduce((sum, { checkpoints }) => sum + checkpoints, 0)).toBe(4);
    }
  });

  it('vouch for what one of them signed since, whatever numbers the other gave up', () => {
    const other = goOn(copy, 15, 'other');
    const untilA17 = [
      ...ofA,
      ...ofB.slice(0, 3),
      stepBack(anchorIn(lost, 18), 6, anchorIn(copy, 15, 35), 'b'),
    ];
    expect(verify(other, untilA17)).toMatchObject({ finding: ['altered', 16] });
    expect(verify(copy, untilA17)).toMatchObject({ finding: ['removed', 16] });
  });

  it('are whole where the one that stands first never came back, by what the other one knew then', () => {
    const gone = [checkpoint(lost, 16, 16, 'b'), checkpoint(lost, 18, 18, 'b')];
    expect(verify(anew, [...gone, ...ofA])).toMatchObject({ finding: undefined, anchored: 17 });
    expect(verify(anew, [...ofA, ...gone])).toMatchObject({ finding: ['altered', 17] });
  });

  it('do not take the line of one for that of the other', () => {
    const same = checkpoint(lost, 20, 20, 'b');
    expect(
      verify(anew, [same, ...before, stepBack(anchorIn(lost, 20), 15, anchorIn(copy, 15, 30))]),
    ).toMatchObject({
      finding: undefined,
    });
    expect(verify(anew, [same, stepBack(anchorIn(lost, 20), 15, anchorIn(copy, 15, 30))])).toMatchObject({
      finding: ['altered', 16],
    });
  });
});

describe('it is still tampering', () => {
  it('where nobody signed a step back', () => {
    const head = checkpoint(copy, 15, 30);
    expect(verify(anew, [...before, head, checkpoint(anew, 25)])).toMatchObject({ finding: ['altered', 16] });
    expect(verify(copy, [...before, head])).toMatchObject({ finding: ['removed', 16] });
  });

  it('where what was signed up to that entry does not fit', () => {
    const other = goOn(lost.slice(0, 11), 19, 'other');
    const lines = [...before, stepBack(anchorIn(lost, 20), 15, anchorIn(other, 15, 30))];
    expect(verify(other, lines)).toMatchObject({ finding: ['altered', 6] });
    const on = [...before, stepBack(anchorIn(lost, 20), 11, anchorIn(other, 11, 30))];
    expect(verify(other, on)).toMatchObject({ finding: undefined, givenUp: [{ checkpoints: 3 }] });
  });

  it('where what was signed of that very entry does not fit', () => {
    const other = goOn(lost.slice(0, 14), 16, 'other');
    const signed15 = [...before.slice(0, 2), checkpoint(lost, 15), ...before.slice(2)];
    const lines = [...signed15, stepBack(anchorIn(lost, 20), 15, anchorIn(other, 25, 30))];
    expect(verify(other, lines)).toMatchObject({ finding: ['altered', 13] });
  });

  it('where the head that was taken instead does not fit, or is gone', () => {
    const other = goOn(copy, 15, 'other');
    const lines = [...before, stepBack(anchorIn(lost, 20), 15, anchorIn(anew, 25, 30))];
    // Behind the last that agrees: anything from there on may be what was made anew.
    expect(verify(other, lines)).toMatchObject({ finding: ['altered', 13] });
    expect(verify(anew.slice(0, 24), lines)).toMatchObject({ finding: ['removed', 25] });
    // Also where what was given up went further.
    expect(verify(copy.slice(0, 14), [...before, back15])).toMatchObject({ finding: ['removed', 15] });
  });

  it('where what was signed after it does not fit, also with a copy of it behind, or it moved there', () => {
    const after = [checkpoint(anew, 20), checkpoint(anew, 28)];
    for (const lines of [
      [...before, back15, ...after],
      [...before, back15, ...after, back15],
      [...before, ...after, back15],
      // Also where the line that it names is moved with it.
      [...before.slice(0, -1), ...after, ...before.slice(-1), back15],
    ])
      expect(verify(copy, lines)).toMatchObject({ finding: ['removed', 16], givenUp: [] });
  });

  it('where what it gave up stands behind it, or nowhere', () => {
    expect(verify(copy, [back15, ...before])).toMatchObject({ finding: ['removed', 16] });
    expect(verify(copy, [...before.slice(0, 3), back15])).toMatchObject({ finding: ['removed', 16] });
    for (const from of [anchorIn(anew, 20), anchorIn(lost, 20, 21)])
      expect(verify(copy, [...before, stepBack(from, 15, anchorIn(copy, 15, 30))])).toMatchObject({
        finding: ['removed', 16],
      });
  });
});
