import { createRequire } from 'node:module';
import { createContext, Script } from 'node:vm';
import { asError } from '../kit/fault.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import { ENTRYPOINT } from './bundle.ts';

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
  readonly timeoutMs: number;
  /** Of 64 KiB each, policy data and input together. */
  readonly memoryPages: number;
}

/**
 * An evaluation takes 0.06 ms, and 20 ms where a request touches a thousand values. The time is the wall's: on a machine with
 * five times too much to do, 250 ms ended honest ones. 128 MiB hold an input of many thousand values.
 */
export const defaultBounds: Bounds = { timeoutMs: 1_000, memoryPages: 2_048 };

const INITIAL_PAGES = 16;

/** Evaluations that run together get so many times the time of one. */
const BATCH_TIMES = 2;

/** A policy in WASM that can be asked, and cannot hang the gate. */
export interface Evaluator {
  /**
   * Asks once. After a throw the next call makes a new instance: what a trap or a time-out left in memory is not looked at again.
   * @param input a document of whole numbers, texts, lists and maps
   * @returns what the SDK gives: a list of results
   * @throws Error on a trap, a time-out, or when memory runs out
   */
  evaluate(input: object): unknown;
  /**
   * Runs what asks many times, in one time limit: to set it up costs more than to ask. Within it `evaluate` has none of its own.
   * @throws Error when the time is over; then what it was doing is half done
   */
  bounded(run: () => void): void;
}

export class TimeOver extends Error {
  override readonly name = 'TimeOver';

  constructor(timeoutMs: number) {
    super(`it was ended after ${timeoutMs} ms`);
  }
}

/** Runs a function, and ends it when the time is over: the one way to end a call that does not end. */
function createTimeLimit(): (run: () => void, timeoutMs: number) => void {
  const script = new Script('run()');
  let current = (): void => undefined;
  const context = createContext(Object.assign(Object.create(null), { run: () => current() }));
  return (run, timeoutMs) => {
    current = run;
    try {
      script.runInContext(context, { timeout: timeoutMs });
    } catch (thrown) {
      throw isTimeout(thrown) ? new TimeOver(timeoutMs) : asError(thrown);
    }
  };
}

/**
 * Makes a policy ready to be asked.
 * @param data the limits in force and the bundle's own data
 * @throws Error when the module is no policy for this gate, or its data does not fit into its memory
 */
export function createEvaluator(module: WebAssembly.Module, data: JsonObject, bounds: Bounds): Evaluator {
  refuseModule(module);
  const instantiate = (): LoadedPolicy => {
    const policy = loadPolicySync(module, { initial: INITIAL_PAGES, maximum: bounds.memoryPages });
    policy.setData(data);
    return policy;
  };
  let policy: LoadedPolicy | undefined = attempt(instantiate);
  refuseInstance(policy);
  const limitTime = createTimeLimit();
  let isBounded = false;
  return {
    evaluate: input => {
      const ready = policy ?? attempt(instantiate);
      policy = undefined;
      let answer: unknown;
      const ask = (): void => {
        answer = attempt(() => ready.evaluate(input, ENTRYPOINT));
      };
      if (isBounded) ask();
      else limitTime(ask, bounds.timeoutMs);
      policy = ready;
      return answer;
    },
    bounded: run => {
      isBounded = true;
      try {
        limitTime(run, BATCH_TIMES * bounds.timeoutMs);
      } finally {
        isBounded = false;
      }
    },
  };
}

/** The context's own error, which is no `Error` of this one. */
const isTimeout = (thrown: unknown): boolean =>
  typeof thrown === 'object' &&
  thrown !== null &&
  'code' in thrown &&
  thrown.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

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

/** What its own exports say: an ABI with `opa_eval`, the one entrypoint, and no function from outside. */
function refuseInstance(policy: LoadedPolicy): void {
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
