import type { Ask, Targets } from '../client/types.ts';
import { UsageError } from '../config/environment.ts';
import { artifactName, isBlank, MAX_ARTIFACT_LENGTH, quote } from '../kit/text.ts';

/** What a request carries beside targets and parameters, as the command line says it. */
export interface CarriedOptions {
  readonly assert: readonly string[];
  readonly artifact?: string;
  readonly plan?: string;
  readonly effect: readonly string[];
}

/**
 * Nothing here is guessed: half a flag is wrong use, because a variable that was not set looks like that.
 * @throws UsageError
 */
export function readCarried(options: CarriedOptions): Pick<Ask, 'artifact' | 'plan' | 'effects'> {
  const { artifact, plan, effect } = options;
  return {
    ...(artifact !== undefined && { artifact: readArtifact('--artifact', artifact) }),
    ...(plan !== undefined && { plan: readPlan(plan) }),
    ...(effect.length > 0 && { effects: readEffects(effect) }),
  };
}

/** @throws UsageError */
export function readAsserts({ assert }: CarriedOptions): Pick<Targets, 'asserts'> {
  if (assert.length === 0) return {};
  const labels = new Map<string, string>();
  for (const text of assert) {
    const [label, value] = split(text, '=') ?? [];
    if (label === undefined || value === undefined || isBlank(label) || isBlank(value))
      throw new UsageError(`--assert ${quote(text)} is not label=value`);
    if (labels.has(label))
      throw new UsageError(
        `--assert names ${quote(label)} twice: all targets have one value, or it is not so`,
      );
    labels.set(label, value);
  }
  return { asserts: Object.fromEntries(labels) };
}

/** @throws UsageError */
export function readArtifact(what: string, text: string): string {
  if (text.length <= MAX_ARTIFACT_LENGTH && artifactName.test(text)) return text;
  throw new UsageError(
    `${what} ${quote(text)} is not a digest like sha256:9f2c…, in lower case: a name or a tag may mean something else tomorrow`,
  );
}

/** The generation stands behind the last `@`. */
function readPlan(text: string): { name: string; generation: number } {
  const at = text.lastIndexOf('@');
  const name = text.slice(0, Math.max(0, at));
  const generation = readWhole(text.slice(at + 1));
  if (isBlank(name) || generation === undefined)
    throw new UsageError(`--plan ${quote(text)} is not NAME@GENERATION, like dns-us-east-1@812`);
  return { name, generation };
}

function readEffects(texts: readonly string[]): Record<string, { before: number; after: number }> {
  const effects = new Map<string, { before: number; after: number }>();
  for (const text of texts) {
    const [name = '', numbers = ''] = split(text, '=') ?? [];
    const [before, after] = (split(numbers, ':') ?? []).map(readWhole);
    if (isBlank(name) || before === undefined || after === undefined)
      throw new UsageError(`--effect ${quote(text)} is not NAME=BEFORE:AFTER, like records=812:811`);
    if (effects.has(name)) throw new UsageError(`--effect states ${quote(name)} twice`);
    effects.set(name, { before, after });
  }
  return Object.fromEntries(effects);
}

/** What stands before and behind the first mark; undefined where there is none. */
function split(text: string, mark: string): readonly [string, string] | undefined {
  const at = text.indexOf(mark);
  return at < 0 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}

const readWhole = (text: string): number | undefined => {
  const number = Number(text);
  return /^(0|[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
};
