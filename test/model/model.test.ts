import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** Enough for the whole of it, and no more: what does not fit in is not proved. */
const SEARCH_MS = 60_000;
const model = readFileSync(new URL('switch.pml', import.meta.url), 'utf8');

const isThere = (program: string, flag: string): boolean =>
  spawnSync(program, [flag], { encoding: 'utf8' }).status === 0;
const hasSpin = isThere('spin', '-V') && isThere('gcc', '--version');
if (!hasSpin)
  console.warn(
    '\nno Spin, or no C compiler, is installed: the model is not checked. On Debian: apt-get install spin gcc libc6-dev\n',
  );

interface Searched {
  readonly errors: number;
  /** Every state was looked at: neither the depth nor the memory nor the time ended it. */
  readonly complete: boolean;
  readonly said: string;
}

function run(folder: string, program: string, flags: readonly string[]): string {
  const ran = spawnSync(program, flags, { cwd: folder, encoding: 'utf8', timeout: SEARCH_MS });
  if (ran.error !== undefined) throw ran.error;
  const said = ran.stdout + ran.stderr;
  if (ran.status !== 0) throw new Error(`${program} failed:\n${said}`);
  return said;
}

/** Looks at every state that a model can reach, or at all up to the first that breaks an assertion. */
function search(text: string, optimised: '-O2' | '-O0'): Searched {
  const folder = mkdtempSync(path.join(tmpdir(), 'interlock-model-'));
  try {
    writeFileSync(path.join(folder, 'switch.pml'), text);
    run(folder, 'spin', ['-a', 'switch.pml']);
    const flags = [optimised, '-w', '-DSAFETY', '-DCOLLAPSE', '-DMEMLIM=1024', '-DVECTORSZ=512'];
    run(folder, 'gcc', [...flags, '-o', 'pan', 'pan.c']);
    const said = run(folder, path.join(folder, 'pan'), ['-m20000', '-w22']);
    const errors = /errors: (\d+)/.exec(said)?.[1];
    if (errors === undefined) throw new Error(`the verifier did not end:\n${said}`);
    const cut = /Search not completed|max search depth too small|out of memory|reached -DMEMLIM/i;
    return { errors: Number(errors), complete: !cut.test(said), said };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The model with some of its safety taken away. Each text must be there exactly once. */
const without = (changes: readonly (readonly [string, string])[]): string =>
  changes.reduce((text, [from, to]) => {
    expect(text.split(from)).toHaveLength(2);
    return text.replace(from, () => to);
  }, model);

type Change = readonly [string, string];
const noFence: Change = ['#define mine (book[g].current)', '#define mine true'];
const noLock: readonly Change[] = [
  ['#define locked (lock == g)', '#define locked true'],
  ['fi; lock = g; ', 'fi; '],
];
const forgets: Change = ['copyAll(book[1 - g], blank); ', 'book[1 - g].current = false; '];

describe.skipIf(!hasSpin)('the model of the switch, the claim, the forward and a crash', () => {
  it('has at most 100 lines', () => {
    expect(model.trimEnd().split('\n').length).toBeLessThanOrEqual(100);
  });

  it('keeps every promise in every state it can reach', () => {
    const { errors, complete, said } = search(model, '-O2');
    expect(errors, said).toBe(0);
    expect(complete, said).toBe(true);
    expect(Number(/(\d+) states, stored/.exec(said)?.[1])).toBeGreaterThan(100_000);
  });

  it.each<[string, RegExp, readonly Change[]]>([
    ['a turn holds no lock and its write has no fence', /assertion violated/, [...noLock, forgets, noFence]],
    [
      'an engage does not move the head',
      /listed/,
      [
        [
          '  copyAll(book[1 - g], blank); ',
          '  if :: job == engage :: else -> copyAll(book[1 - g], blank) fi; ',
        ],
      ],
    ],
    [
      'a claim does not look at the switch',
      /listed/,
      [['if :: b.engaged -> stop(b, o) :: else -> take(b) fi', 'take(b)']],
    ],
    ['a decision does not look at the switch', /listed/, [['if :: b.engaged || holds', 'if :: holds']]],
    [
      'engage leaves out a retry whose outcome an earlier answer settled',
      /answer\[/,
      [['(b.phase[o] == claimed || (', '((open(b, o) && b.phase[o] == claimed) || (']],
    ],
    ['engage leaves out what is claimed', /answer\[/, [['(b.phase[o] == claimed || (', '((']]],
    [
      'a claim is sent before its commit',
      /db\.phase/,
      [
        [
          '          :: job == release -> book[g].engaged = false fi }',
          '          :: job == release -> book[g].engaged = false fi; if :: job == ask && book[g].phase[o] == claimed -> wire[nth(o, 1)] = permit; owner[nth(o, 1)] = g :: else fi }',
        ],
      ],
    ],
    [
      'a lost claim is queued again',
      /sends\[/,
      [
        [
          'b.outcome[o] = unknown; b.phase[o] = again(b, o)',
          'b.outcome[o] = unknown; b.phase[o] = (b.attempts[o] < MAX -> waiting : ended)',
        ],
      ],
    ],
    [
      'a lost claim is taken for refused',
      /running\[/,
      [['b.outcome[o] = unknown; b.phase[o] = again(b, o)', 'b.outcome[o] = settled; b.phase[o] = ended']],
    ],
    [
      'a claim of a dead gate is never swept',
      /holds|phase/,
      [['-> job = sweep; o = n', '&& false -> job = sweep; o = n']],
    ],
    [
      'a claim is swept while it may still be sent',
      /assertion violated/,
      [['claimed && late[nth(n, db.attempts[n])]', 'claimed']],
    ],
    [
      'a decision does not look at what is held',
      /assertion violated/,
      [['b.engaged || holds(b, 1 - o)', 'b.engaged']],
    ],
    [
      'what is unknown gives its target back',
      /assertion violated/,
      [['b.outcome[o] == pending || b.outcome[o] == unknown)', 'b.outcome[o] == pending)']],
    ],
  ])('breaks one when %s', (_, broken, changes) => {
    const { errors, said } = search(without(changes), '-O0');
    expect(errors, said).toBeGreaterThan(0);
    expect(said).toMatch(broken);
  });
});
