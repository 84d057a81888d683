import { describe, expect, it } from 'vitest';
import { createEvaluator, defaultBounds } from '../../src/policy/evaluator.ts';
import { meter, STEPS_LEFT } from '../../src/policy/meter.ts';
import { facts, fixtureModule, readShipped } from './samples.ts';

/** A length in one byte, and what has it. */
const sized = (...bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const ascii = (text: string): number[] => sized(...Buffer.from(text));
const [I32, END, LOCAL_GET, CONST] = [0x7f, 0x0b, 0x20, 0x41];

/**
 * A module with one function `run(n)`, exported with what it imports left out, and one global of its own.
 * @param body instructions, without the last `end`
 * @param more sections, each with its number, in the place of the usual one
 */
function moduleOf(
  body: readonly number[],
  imports: readonly number[] = [],
  more: readonly (readonly number[])[] = [],
): Uint8Array {
  const type = [1, ...sized(2, 0x60, 1, I32, 1, I32, 0x60, 0, 0)];
  const imported = imports.length === 0 ? [] : [[2, ...sized(...imports)]];
  const own = [6, ...sized(1, I32, 1, CONST, 7, END)];
  const exported = [7, ...sized(1, ...ascii('run'), 0, 0)];
  const code = [10, ...sized(1, ...sized(0, ...body, END))];
  const head = [0, ...Buffer.from('asm'), 1, 0, 0, 0];
  const given = new Set(more.map(([id]) => id));
  const usual = [type, ...imported, [3, 2, 1, 0], own, exported, code].filter(([id]) => !given.has(id));
  const sections = [...usual, ...more];
  const placeOf = ([id = 0]: readonly number[]): number => ORDER.indexOf(id);
  return Uint8Array.from([...head, ...sections.toSorted((a, b) => placeOf(a) - placeOf(b)).flat()]);
}

/** In which the format wants the sections. */
const ORDER = [1, 2, 3, 4, 5, 13, 6, 7, 9, 10, 11];

function instantiate(wasm: Uint8Array, imports: Record<string, Record<string, unknown>> = {}) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(meter(wasm)), imports);
  const [run, left] = [exports['run'], exports[STEPS_LEFT]];
  if (typeof run !== 'function' || !(left instanceof WebAssembly.Global)) throw new Error('not metered');
  return {
    run: (n: number): unknown => run(n),
    left: (): unknown => left.value,
    give: (steps: number): void => {
      left.value = steps;
    },
  };
}

/** Counts n down to 0, and gives it back. */
const countDown = [
  ...[0x03, 0x40, LOCAL_GET, 0, 0x04, 0x40, LOCAL_GET, 0, CONST, 1, 0x6b, 0x21, 0, 0x0c, 1, END, END],
  ...[LOCAL_GET, 0],
];

describe('a metered module', () => {
  it('counts the entry of a function and each round of a loop', () => {
    const { run, left, give } = instantiate(moduleOf(countDown));
    give(100);
    expect(run(9)).toBe(0);
    // One entry, the loop begun once and nine times again.
    expect(left()).toBe(100 - 1 - 10);
  });

  it('does what it did with as many steps as it takes, and traps with one fewer', () => {
    const { run, give } = instantiate(moduleOf(countDown));
    give(11);
    expect(run(9)).toBe(0);
    give(10);
    expect(() => run(9)).toThrow(WebAssembly.RuntimeError);
    expect(() => run(0)).toThrow(WebAssembly.RuntimeError);
  });

  it('ends a loop that does not end', () => {
    const { run, give } = instantiate(moduleOf([0x03, 0x40, 0x0c, 0, END, LOCAL_GET, 0]));
    give(1_000_000);
    expect(() => run(1)).toThrow(WebAssembly.RuntimeError);
  });

  it('ends functions that call themselves without a loop', () => {
    const { run, left, give } = instantiate(moduleOf([LOCAL_GET, 0, 0x10, 0]));
    give(500);
    expect(() => run(1)).toThrow(WebAssembly.RuntimeError);
    expect(left()).toBe(-1);
  });

  it('counts in a global behind those that it imports and has', () => {
    const imports = [1, ...ascii('env'), ...ascii('g'), 3, I32, 0];
    // The second global is its own, as before.
    const { run, left, give } = instantiate(moduleOf([0x23, 1], imports), { env: { g: 3 } });
    give(5);
    expect(run(1)).toBe(7);
    expect(left()).toBe(4);
  });

  it.each([
    // memory.fill and memory.copy take as long as what they fill is large.
    ['a bulk instruction', [CONST, 0, CONST, 0, CONST, 0, 0xfc, 0x0b, 0, LOCAL_GET, 0]],
    ['a vector instruction', [CONST, 0, 0xfd, 0x0f, 0xfd, 0x16, 0]],
  ])('is refused with %s, which could hold work that is not counted', (_title, body) => {
    const memory = [1, ...ascii('env'), ...ascii('m'), 2, 0, 1];
    expect(() => meter(moduleOf(body, memory))).toThrow('which `opa build` does not write');
  });

  it('is refused where it ends in the middle, or exports nothing', async () => {
    const whole = (await readShipped()).files.get('policy.wasm') ?? new Uint8Array();
    expect(() => meter(whole.subarray(0, whole.length - 10))).toThrow('no valid WASM module');
    expect(() => meter(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))).toThrow('is no policy');
  });

  it('cannot reach the global that counts: a module that names it is not valid as it is', () => {
    const refill = [0x03, 0x40, CONST, 1, 0x24, 1, 0x0c, 0, END, LOCAL_GET, 0];
    expect(() => meter(moduleOf(refill))).toThrow('no valid WASM module');
  });

  const oneTable = [4, ...sized(1, 0x70, 0, 1)];
  const noStart = [CONST, 0, END];
  it.each([
    [
      'tables that no bound counts',
      [[4, ...sized(1, 0x70, 0, 0xff, 0xff, 0xff, 0x03)]],
      'tables of 8388607 elements',
    ],
    ['a table of what is not its own', [[4, ...sized(1, 0x6f, 0, 1)]], 'tables that'],
    ['a memory of its own', [[5, ...sized(1, 0, 1)]], 'a memory of its own'],
    ['a section of tags', [[13, ...sized(1, 0, 1)]], 'sections that'],
    ['a passive segment of data', [[11, ...sized(1, 1, 1, 7)]], 'segments that'],
    ['a passive segment of elements', [oneTable, [9, ...sized(1, 1, 0, 1, 0)]], 'segments that'],
    [
      'references in a segment',
      [oneTable, [9, ...sized(1, 4, ...noStart, 1, 0xd0, 0x70, END)]],
      'segments that',
    ],
    ['a reference in a global', [[6, ...sized(2, I32, 1, CONST, 7, END, 0x70, 0, 0xd0, 0x70, END)]], '0xd0'],
  ])('is refused with %s', (_title, sections, says) => {
    const own = moduleOf([LOCAL_GET, 0], [], sections);
    expect(() => meter(own)).toThrow(says);
  });

  it('takes segments as `opa build` writes them', () => {
    const { run } = instantiate(
      moduleOf([LOCAL_GET, 0], [], [oneTable, [9, ...sized(1, 0, ...noStart, 1, 0)]]),
    );
    expect(run(3)).toBe(3);
  });

  // The older versions of Node find both no valid module.
  it.each([
    ['arrays', [1, ...sized(3, 0x60, 1, I32, 1, I32, 0x60, 0, 0, 0x5e, 0x78, 1)]],
    [
      'a table and what all of it holds',
      [4, ...sized(1, 0x40, 0, 0x70, 0, 0x80, 0xad, 0xe2, 0x04, 0xd0, 0x70, END)],
    ],
  ])('is refused with %s, which would take memory before a step is counted', (_title, section) => {
    expect(() => meter(moduleOf([LOCAL_GET, 0], [], [section]))).toThrow(
      /no valid WASM module|that `opa build` does not write/,
    );
  });

  it('that was not metered is no policy', async () => {
    const bytes = (await readShipped()).files.get('policy.wasm') ?? new Uint8Array();
    const plain = await WebAssembly.compile(Uint8Array.from(bytes));
    expect(() => createEvaluator(plain, {}, defaultBounds)).toThrow('does not count its steps');
  });

  it('answers as it did without', async () => {
    const evaluator = createEvaluator(await fixtureModule('odd'), {}, defaultBounds);
    expect(evaluator.evaluate({ ...facts, action: 'allow' })).toEqual([
      { result: { allow: true, checks: { one: true }, reasons: [] } },
    ]);
  });
});
