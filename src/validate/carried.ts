import { own } from '../kit/own.ts';
import { isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import {
  artifactName,
  cutPointer,
  effectName,
  isTargetName,
  MAX_ARTIFACT_LENGTH,
  isWildcard,
  NAME_FORM,
  pointerSegment,
  quote,
} from '../kit/text.ts';
import { describe, type Findings } from './findings.ts';
import { carriedOf, type Carried, type Effect, type Plan } from './validated.ts';

/** A dry run counts a few sorts of things; each is kept with the decision, for ever. */
const MAX_EFFECTS = 100;

const AN_ARTIFACT =
  'a digest like "sha256:9f2c…", in lower case (255 characters at most), and no name that may mean something else tomorrow';
const A_PLAN = 'an object, as {"name": "dns-us-east-1", "generation": 812}';
const EFFECTS = 'an object, as {"records": {"before": 812, "after": 811}}';
const AN_EFFECT_NAME = 'a letter, then letters, digits and _ . - (63 at most)';
const AN_EFFECT = 'an object with "before" and "after"';
const A_WHOLE = 'a whole number from 0 to 2^53-1';

/** What a request may say beside the rest: what of it is right. What is there and says nothing is wrong, and never "none given". */
export function checkCarried(found: Findings, body: JsonObject): Carried {
  const artifact = checkArtifact(found, own(body, 'artifact'));
  const plan = checkPlan(found, own(body, 'plan'));
  const effects = checkEffects(found, own(body, 'effects'));
  return carriedOf({ artifact, plan, effects });
}

function checkArtifact(found: Findings, value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.length <= MAX_ARTIFACT_LENGTH && artifactName.test(value))
    return value;
  note(found, 'artifact', '/artifact', value, AN_ARTIFACT);
  return undefined;
}

function checkPlan(found: Findings, value: Json | undefined): Plan | undefined {
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) {
    note(found, 'plan', '/plan', value, A_PLAN);
    return undefined;
  }
  found.noteUnknownFields(value, ['name', 'generation'], '/plan');
  const name = own(value, 'name');
  const isName = typeof name === 'string' && isTargetName(name) && !isWildcard(name);
  if (!isName) note(found, 'plan name', '/plan/name', name, NAME_FORM);
  const generation = checkWhole(found, own(value, 'generation'), '/plan/generation');
  return isName && generation !== undefined ? { name, generation } : undefined;
}

function checkEffects(
  found: Findings,
  value: Json | undefined,
): Readonly<Record<string, Effect>> | undefined {
  if (value === undefined) return undefined;
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  if (entries.length === 0) {
    note(found, 'effects', '/effects', value, EFFECTS);
    return undefined;
  }
  if (entries.length > MAX_EFFECTS) {
    found.note('many effects', () => ({
      rule: 'request.invalid',
      message: `There are ${entries.length} effects; one request may state at most ${MAX_EFFECTS}.`,
      remedy: `at most ${MAX_EFFECTS} effects`,
      pointer: '/effects',
      measured: entries.length,
      limit: MAX_EFFECTS,
      unit: 'effects',
    }));
    return undefined;
  }
  const checked: [string, Effect][] = [];
  for (const [name, stated] of entries) {
    const effect = checkEffect(found, name, stated);
    if (effect !== undefined) checked.push([name, effect]);
  }
  return checked.length === entries.length ? Object.fromEntries(checked) : undefined;
}

function checkEffect(found: Findings, name: string, value: Json): Effect | undefined {
  const pointer = cutPointer(`/effects${pointerSegment(name)}`);
  const isName = effectName.test(name);
  if (!isName) {
    found.note('effect name', () => ({
      rule: 'request.invalid',
      message: `${quote(name)} is no name of an effect.`,
      remedy: AN_EFFECT_NAME,
      pointer,
    }));
  }
  if (!isJsonObject(value)) {
    note(found, 'effect', pointer, value, AN_EFFECT);
    return undefined;
  }
  found.noteUnknownFields(value, ['before', 'after'], pointer);
  const before = checkWhole(found, own(value, 'before'), `${pointer}/before`);
  const after = checkWhole(found, own(value, 'after'), `${pointer}/after`);
  return isName && before !== undefined && after !== undefined ? { before, after } : undefined;
}

function checkWhole(found: Findings, value: Json | undefined, pointer: string): number | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  note(found, `whole ${pointer}`, pointer, value, A_WHOLE);
  return undefined;
}

function note(found: Findings, kind: string, pointer: string, value: Json | undefined, must: string): void {
  found.note(kind, () => ({
    rule: 'request.invalid',
    message: `${quote(pointer, 200)} is ${describe(value)}, and must be ${must}.`,
    remedy: must,
    pointer,
  }));
}
