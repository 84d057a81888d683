import type { Reason } from '../kit/refusal.ts';
import { isJsonList, isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { cutPointer, quote } from '../kit/text.ts';
import { describe } from './findings.ts';
import { isMatchAll, saysNothing } from './match-all.ts';
import type { NamedPlaces } from './named-values.ts';
import { Place } from './place.ts';

/** What a tool may read as "all of them": nothing, or a word for everything. */
interface Suspect {
  /** Below the parameters; never the parameters themselves. */
  readonly place: Place;
  readonly rule: 'parameters.blank' | 'parameters.wildcard';
  /** The value there; undefined where it is the key of the member. */
  readonly value: Json | undefined;
  readonly key: string;
}

/** Looks up what the schema names, going only to places that are wanted. */
export type FindNamed = (root: Place) => NamedPlaces;

/**
 * Every blank, null, empty list or object and every match-all below the top of the parameters that the schema does not name.
 * @param most so many reasons at most
 */
export function refuseNothingOrAll(
  parameters: JsonObject,
  findNamed: FindNamed | undefined,
  most: number,
): Reason[] {
  const root = new Place();
  const suspects: Suspect[] = [];
  for (const suspect of findSuspects(parameters, root)) {
    suspects.push(suspect);
    suspect.place.want();
    // Nothing names any: the first are enough, and there may be millions.
    if (findNamed === undefined && suspects.length >= most) break;
  }
  if (suspects.length === 0) return [];
  const named = findNamed?.(root);
  return suspects
    .filter(({ place, value }) => !isNamed(named, place, value === undefined))
    .slice(0, most)
    .map(toReason);
}

const isNamed = (named: NamedPlaces | undefined, place: Place, isKey: boolean): boolean =>
  named !== undefined && (isKey ? named.hasKey(place) : named.hasValue(place));

function* findSuspects(value: Json, place: Place): Generator<Suspect> {
  if (isJsonList(value)) {
    for (const [index, item] of value.entries()) yield* suspectsAt(item, new Place(place, String(index)), '');
  } else if (isJsonObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      const there = new Place(place, key);
      const rule = ruleOfText(key);
      if (rule !== undefined) yield { place: there, rule, value: undefined, key };
      yield* suspectsAt(member, there, key);
    }
  }
}

function* suspectsAt(value: Json, place: Place, key: string): Generator<Suspect> {
  const rule = ruleOf(value);
  if (rule === undefined) yield* findSuspects(value, place);
  else yield { place, rule, value, key };
}

function ruleOf(value: Json): Suspect['rule'] | undefined {
  if (typeof value === 'string') return ruleOfText(value);
  if (isJsonList(value)) return value.length === 0 ? 'parameters.blank' : undefined;
  if (isJsonObject(value)) return Object.keys(value).length === 0 ? 'parameters.blank' : undefined;
  return value === null ? 'parameters.blank' : undefined;
}

function ruleOfText(text: string): Suspect['rule'] | undefined {
  if (saysNothing(text)) return 'parameters.blank';
  return isMatchAll(text) ? 'parameters.wildcard' : undefined;
}

function toReason({ place, rule, value, key }: Suspect): Reason {
  const pointer = cutPointer(`/parameters${place.pointer()}`);
  const what =
    value === undefined ? `the key ${quote(key)}` : value === '' ? 'an empty text' : describe(value);
  const says =
    rule === 'parameters.blank'
      ? 'which says nothing, and a tool may take nothing for everything'
      : 'which stands for everything where a tool reads it as a pattern, a path or a network';
  return {
    rule,
    message: `${quote(pointer, 200)} is ${what}, ${says}.`,
    remedy:
      rule === 'parameters.blank'
        ? 'a value that says what is meant'
        : 'the very things that are meant; where everything is, the schema of the action must name this value by enum or const',
    pointer,
  };
}
