import { z } from 'zod';
import { isTimedRule } from '../kit/refusal.ts';
import { isForbiddenKey } from '../kit/strict-json.ts';
import { limitShape, type LimitShape } from './limit-shape.ts';
import { readSentence } from './sentence.ts';

/** A key of the limits file that belongs to a check. */
export interface LimitKey {
  readonly key: string;
  /** Whether it stands in an action's entry or at the top of the file. */
  readonly on: 'action' | 'top';
  /** Whether an action's entry must have it. A key at the top may always be left out. */
  readonly required: boolean;
  /** An exception may loosen it: to more or to less, and up to the entry's `ceiling`. Without it none may. */
  readonly loosen?: 'more' | 'less' | undefined;
  readonly schema: LimitShape;
}

/** A rule that a check refuses with, and how it says so: sentences and remedies by the names that its reasons give. */
export interface CheckRuleManifest {
  readonly status: 403 | 409 | 422 | 423 | 429;
  readonly title: string;
  readonly explain: string;
  readonly sentences: Readonly<Record<string, string>>;
  readonly remedies: Readonly<Record<string, string>>;
}

/** policies/checks/NAME/manifest.yaml: what a check is called, reads and says. */
export interface CheckManifest {
  readonly name: string;
  readonly title: string;
  readonly explain: string;
  readonly keys: readonly LimitKey[];
  readonly rules: Readonly<Record<string, CheckRuleManifest>>;
}

const oneLine = z.string().trim().min(1);
const identifier = z.string().regex(/^[a-z][a-z0-9_]*$/);
const templates = z.record(identifier, oneLine).refine(isNotEmpty, 'must not be empty');

const manifestSchema: z.ZodType<CheckManifest> = z.strictObject({
  name: identifier,
  title: oneLine,
  explain: oneLine,
  keys: z.array(
    z.strictObject({
      key: identifier,
      on: z.enum(['action', 'top']),
      required: z.boolean(),
      loosen: z.enum(['more', 'less']).optional(),
      schema: limitShape,
    }),
  ),
  rules: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/),
      z.strictObject({
        status: z.union([z.literal(403), z.literal(409), z.literal(422), z.literal(423), z.literal(429)]),
        title: oneLine,
        explain: oneLine,
        sentences: templates,
        remedies: templates,
      }),
    )
    .refine(isNotEmpty, 'must not be empty'),
});

function isNotEmpty(map: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(map).length > 0;
}

/**
 * Reads the manifests of a bundle's checks, sorted by name.
 * @param found manifest by name of its check
 * @throws Error that says which manifest is wrong, and how; also when two checks claim one rule or one key
 */
export function readManifests(found: Readonly<Record<string, unknown>>): readonly CheckManifest[] {
  const manifests = Object.entries(found)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => readManifest(name, value));
  if (manifests.length === 0) throw new Error('there are no checks');
  refuseTwice(manifests, 'the rule', manifest => Object.keys(manifest.rules));
  refuseTwice(manifests, 'the key', manifest => manifest.keys.map(({ on, key }) => `${key} (${on})`));
  return manifests;
}

function readManifest(name: string, value: unknown): CheckManifest {
  const read = manifestSchema.safeParse(value);
  if (!read.success) {
    const issues = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new Error(`the manifest of ${name} is not one: ${issues.join('; ')}`);
  }
  const manifest = read.data;
  if (manifest.name !== name) throw new Error(`the manifest of ${name} gives its name as ${manifest.name}`);
  // Read as something else before a limit is looked for, or never.
  const taken = manifest.keys.find(({ key }) => key === 'like' || isForbiddenKey(key));
  if (taken !== undefined)
    throw new Error(`the manifest of ${name} claims the key ${taken.key}, which no limit can have`);
  const loosened = manifest.keys.filter(({ loosen }) => loosen !== undefined);
  if (loosened.length > 1 || loosened.some(({ on }) => on === 'top'))
    throw new Error(`the manifest of ${name} lets more be loosened than one key of an action's entry`);
  const untimed = Object.entries(manifest.rules).find(
    ([rule, own]) => own.status === 429 && !isTimedRule(rule),
  );
  if (untimed !== undefined)
    throw new Error(
      `the manifest of ${name} answers ${untimed[0]} with 429, which promises a time, and the gate cannot tell one: 403, 409, 422 and 423 are left`,
    );
  for (const rule of Object.values(manifest.rules))
    for (const template of [...Object.values(rule.sentences), ...Object.values(rule.remedies)])
      readSentence(template);
  return manifest;
}

function refuseTwice(
  manifests: readonly CheckManifest[],
  what: string,
  of: (manifest: CheckManifest) => string[],
): void {
  const owners = new Map<string, string>();
  for (const manifest of manifests)
    for (const one of of(manifest)) {
      const owner = owners.get(one);
      if (owner !== undefined)
        throw new Error(`${what} ${one} belongs to both ${owner} and ${manifest.name}`);
      owners.set(one, manifest.name);
    }
}
