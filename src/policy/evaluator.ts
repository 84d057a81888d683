import { createRequire } from 'node:module';
import { asError } from '../kit/fault.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import { ENTRYPOINT } from './bundle.ts';
import { STEPS_AT_START, STEPS_LEFT } from './meter.ts';

/** What this file uses of the SDK's policy; the last three the SDK keeps as plain fields. */
interface LoadedPolicy {
  /** @throws strings and plain objects */
  evaluate(input: object, entrypoint: string): unknown;
  setData(data: object): void;
  readonly entrypoints: Readonly<Record<string, number>>;
  readonly wasmInstance: { readonly exports: Readonly<Record<string, unknown>> };
  readonly mem: WebAssembly.Memory;
}

// The SDK's types and its ESM build disagree: a named import type-checks and fails at start. And they speak of lib.dom.
const { loadPolicySync } = createRequire(import.meta.url)('@open-policy-agent/opa-wasm') as {
  loadPolicySync: (module: WebAssembly.Module, memory: { initial: number; maximum: number }) => LoadedPolicy;
};

/** What an evaluation may take, at most. */
export interface Bounds {
  /** Entries of functions and rounds of loops, as `meter` counts them. */
  readonly steps: number;
  /** Of 64 KiB each, policy data and input together. */
  readonly memoryPages: number;
}

/**
 * A request takes some 25,000 to 50,000 steps (0.1 ms), and each value of a dimension that it touches up to 4,000 more. All of them are a second of
 * plain work; 128 MiB hold the input of some 20,000 values.
 */
export const defaultBounds: Bounds = { steps: STEPS_AT_START, memoryPages: 2_048 };

/** A policy in WASM that can be asked, and cannot hang the gate. */
export interface Evaluator {
  /**
   * Asks once. After a throw the next call makes a new instance: what a trap left in memory is not looked at again.
   * @param input a document of whole numbers, texts, lists and maps
   * @returns what the SDK gives: a list of results
   * @throws Error on a trap, or when its steps are used up, or when memory runs out
   */
  evaluate(input: object): unknown;
}

/**
 * Makes a policy ready to be asked.
 * @param data the limits in force and the bundle's own data
 * @throws Error when the module is no policy for this gate, or its data does not fit into its memory
 */
export function createEvaluator(module: WebAssembly.Module, data: JsonObject, bounds: Bounds): Evaluator {
  refuseModule(module);
  const instantiate = (): LoadedPolicy => {
    // All of it at once: it costs some milliseconds, and growing by one page at a time costs seconds.
    const policy = loadPolicySync(module, { initial: bounds.memoryPages, maximum: bounds.memoryPages });
    policy.setData(data);
    return policy;
  };
  let policy: LoadedPolicy | undefined = attempt(instantiate);
  refuseInstance(policy);
  return {
    evaluate: input => {
      const ready = policy ?? attempt(instantiate);
      policy = undefined;
      const left = stepsLeft(ready);
      left.value = bounds.steps;
      try {
        const answer = attempt(() => ready.evaluate(input, ENTRYPOINT));
        policy = ready;
        return answer;
      } catch (thrown) {
        throw Number(left.value) < 0
          ? new Error(`it was ended after ${bounds.steps} steps`)
          : asError(thrown);
      }
    },
  };
}

function stepsLeft({ wasmInstance }: LoadedPolicy): WebAssembly.Global {
  const left = wasmInstance.exports[STEPS_LEFT];
  if (!(left instanceof WebAssembly.Global)) throw new Error('the policy does not count its steps');
  return left;
}

/** The SDK throws strings and plain objects. */
function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw asError(thrown);
  }
}

/** Before any of its code runs: it takes what the SDK gives, and no more. */
function refuseModule(module: WebAssembly.Module): void {
  const odd = WebAssembly.Module.imports(module).filter(
    ({ module: from, name }) =>
      from !== 'env' || !(name === 'memory' || /^opa_(abort|println|builtin[0-4])$/.test(name)),
  );
  if (odd.length > 0) throw new Error(`the policy imports ${odd.map(({ name }) => name).join(', ')}`);
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const missing = [
    'opa_eval',
    'opa_wasm_abi_version',
    'opa_wasm_abi_minor_version',
    'builtins',
    'entrypoints',
  ].filter(name => !exported.has(name));
  if (missing.length > 0)
    throw new Error(`the policy does not export ${missing.join(', ')}: build it with the pinned opa`);
}

/** What its own exports say: that it counts, an ABI with `opa_eval`, the one entrypoint, and no function from outside. */
function refuseInstance(policy: LoadedPolicy): void {
  stepsLeft(policy);
  const { exports } = policy.wasmInstance;
  const [major, minor] = [
    globalOf(exports['opa_wasm_abi_version']),
    globalOf(exports['opa_wasm_abi_minor_version']),
  ];
  if (major !== 1 || minor < 2)
    throw new Error(`the policy has ABI ${major}.${minor}; 1.2 or later is needed`);
  if (!Object.hasOwn(policy.entrypoints, ENTRYPOINT))
    throw new Error(`the policy has no entrypoint ${ENTRYPOINT}`);
  const builtins = Object.keys(readText(policy, 'builtins'));
  // Those would run as JavaScript: not there at all, or another one than `opa test` ran, or not bound to the input.
  if (builtins.length > 0)
    throw new Error(
      `the policy uses the built-in functions ${builtins.join(', ')}, which are not part of WASM`,
    );
}

const globalOf = (value: unknown): number =>
  value instanceof WebAssembly.Global && typeof value.value === 'number' ? value.value : Number.NaN;

/** A JSON object that an export of the policy points to. */
function readText(policy: LoadedPolicy, name: string): object {
  const { exports } = policy.wasmInstance;
  const [give, dump] = [exports[name], exports['opa_json_dump']];
  if (typeof give !== 'function' || typeof dump !== 'function')
    throw new Error(`the policy does not export ${name}`);
  const start: unknown = dump(give());
  if (typeof start !== 'number') throw new Error(`the policy's ${name} cannot be read`);
  const bytes = new Uint8Array(policy.mem.buffer);
  const text = new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start)));
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error(`the policy's ${name} cannot be read`);
  return value;
}
