import { describe, expect, it } from 'vitest';
import { Fault } from '../../src/kit/fault.ts';
import type { Bundle } from '../../src/policy/bundle.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import { createEvaluator, defaultBounds } from '../../src/policy/evaluator.ts';
import type { CheckManifest } from '../../src/policy/manifest.ts';
import { facts, fixtureModule, limits, oddManifest } from './samples.ts';

async function odd(manifests: readonly CheckManifest[] = [oddManifest]): Promise<Bundle> {
  return {
    revision: 'odd',
    digest: 'sha256:odd',
    module: await fixtureModule('odd'),
    manifests,
    data: { interlock: {} },
  };
}

const bounds = { steps: 5_000_000, memoryPages: 256 };
const emptyModule = async (): Promise<WebAssembly.Module> =>
  await WebAssembly.compile(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));

/** What was thrown, and what it says of the cause to whoever runs the gate. */
function faultOf(work: () => unknown): { rule: string; cause: string } {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.cause instanceof Error)
      return { rule: thrown.rule, cause: thrown.cause.message };
    throw thrown;
  }
  return { rule: 'none', cause: '' };
}

describe('a policy that is loaded', () => {
  it('is no module of another kind', async () => {
    const module = await emptyModule();
    expect(() => createEvaluator(module, {}, bounds)).toThrow('does not export opa_eval');
  });

  it('uses no function from outside the WASM, such as the clock', async () => {
    const [module, bundle] = [await fixtureModule('clock'), await odd()];
    expect(() => createEvaluator(module, {}, bounds)).toThrow('time.now_ns');
    expect(faultOf(() => createPolicy({ ...bundle, module }, limits, bounds)).rule).toBe(
      'policy.unavailable',
    );
  });

  it('has exactly the checks that its manifests name', async () => {
    const more = await odd([oddManifest, { ...oddManifest, name: 'two', rules: {} }]);
    expect(faultOf(() => createPolicy(more, limits, bounds))).toEqual({
      rule: 'policy.unavailable',
      cause: 'the checks two are missing',
    });
    const fewer = await odd([{ ...oddManifest, name: 'zero' }]);
    expect(faultOf(() => createPolicy(fewer, limits, bounds)).rule).toBe('policy.unavailable');
  });

  it('fits into its memory with its data', async () => {
    const module = await fixtureModule('odd');
    const large = { list: Array.from({ length: 2_000_000 }, (_, index) => `value-${index}`) };
    expect(() => createEvaluator(module, large, bounds)).toThrow(Error);
  });
});

const oddAnswers = [
  ['undefined', 'the answer is not one result'],
  ['text', 'the answer is not an object'],
  ['array', 'the answer is not an object'],
  ['bare', 'the answer has the fields allow'],
  ['string', '`allow` is not a boolean'],
  ['check_missing', 'the checks one are missing'],
  ['check_more', 'the check two was not there when the policy was loaded'],
  ['check_false', 'it allows although a check does not hold'],
  ['reason_against', 'it allows although one.no is against it'],
  ['silent', 'it refuses without a reason'],
] as const;

describe('an evaluation', () => {
  it.each(oddAnswers)('whose answer is odd (%s) is a fault', async (action, cause) => {
    const policy = createPolicy(await odd(), limits, bounds);
    expect(faultOf(() => policy.evaluate({ ...facts, action }))).toEqual({ rule: 'policy.failed', cause });
  });

  it('that traps is a fault, and what the SDK throws as a text is an error', async () => {
    const policy = createPolicy(await odd(), limits, bounds);
    const { rule, cause } = faultOf(() => policy.evaluate({ ...facts, action: 'trap' }));
    expect(rule).toBe('policy.failed');
    expect(cause).toContain('conflict');
  });

  it('that does not end is ended, and is a fault', async () => {
    const policy = createPolicy(await odd(), limits, { ...bounds, memoryPages: 16_384 });
    const { rule, cause } = faultOf(() => policy.evaluate({ ...facts, action: 'loop' }));
    expect(rule).toBe('policy.failed');
    expect(cause).toBe('it was ended after 5000000 steps');
  });

  it('that takes more memory than there may be is a fault', async () => {
    const policy = createPolicy(await odd(), limits, { steps: 1_000_000_000, memoryPages: 64 });
    expect(faultOf(() => policy.evaluate({ ...facts, action: 'memory' })).rule).toBe('policy.failed');
  });

  it('of an input that does not fit is a fault', async () => {
    const policy = createPolicy(await odd(), limits, { steps: 1_000_000_000, memoryPages: 64 });
    const rack = Array.from({ length: 300_000 }, (_, index) => ({ value: `r${index}`, count: 1, total: 1 }));
    expect(faultOf(() => policy.evaluate({ ...facts, dimensions: { rack } })).rule).toBe('policy.failed');
  });

  it.each(['trap', 'loop', 'memory', 'text'])(
    'after one that failed (%s) is answered as before',
    async action => {
      const policy = createPolicy(await odd(), limits, bounds);
      const before = policy.evaluate({ ...facts, action: 'other' });
      for (let round = 0; round < 3; round += 1) {
        expect(faultOf(() => policy.evaluate({ ...facts, action })).rule).toBe('policy.failed');
        expect(policy.evaluate({ ...facts, action: 'other' })).toEqual(before);
        expect(policy.evaluate({ ...facts, action: 'allow' })).toEqual({ allow: true });
      }
    },
  );

  it('that refuses carries its sentence, its remedy and a status that the gate does not know by itself', async () => {
    const policy = createPolicy(await odd(), limits, defaultBounds);
    expect(policy.evaluate({ ...facts, action: 'other' })).toEqual({
      allow: false,
      reasons: [{ rule: 'one.no', message: 'No.', remedy: 'nothing', status: 409 }],
    });
    expect(policy.rules).toEqual({
      'one.no': expect.objectContaining({ step: 'decide', status: 409, title: 'No', explain: 'No.' }),
    });
  });
});
