import type { Action, Kind } from '../config/config.ts';
import type { JsonObject } from '../kit/strict-json.ts';

/** Labels that the caller believes all targets have. Never empty. */
interface Believed {
  readonly asserts?: Readonly<Record<string, string>>;
}

/** What the caller named: ids as they came (distinct), or a selector (label → non-empty list of values) with its expectation. */
export type Named = Believed &
  (
    | { readonly ids: readonly [string, ...string[]]; readonly expect?: number }
    | { readonly selector: Readonly<Record<string, readonly [string, ...string[]]>>; readonly expect: number }
  );

/** The plan that a request carries out: of plans with one name, the one with the higher generation is the newer. */
export interface Plan {
  readonly name: string;
  readonly generation: number;
}

/** How many of something there are, and how many there will be, as the tool's own dry run says. Whole, from 0 to 2^53-1. */
export interface Effect {
  readonly before: number;
  readonly after: number;
}

/** What a request says beside its targets and parameters. What was not given is absent; nothing here is ever empty. */
export interface Carried {
  /** Digest of what is rolled out or executed: `sha256:` and hex. */
  readonly artifact?: string;
  readonly plan?: Plan;
  /** By the name of what is changed. */
  readonly effects?: Readonly<Record<string, Effect>>;
}

/** Only what a request carries beside the rest, of all that it says. */
export const carriedOf = ({
  artifact,
  plan,
  effects,
}: { readonly [Name in keyof Carried]: Carried[Name] | undefined }): Carried => ({
  ...(artifact !== undefined && { artifact }),
  ...(plan !== undefined && { plan }),
  ...(effects !== undefined && { effects }),
});

const made: unique symbol = Symbol('Validated');

/** A request whose shape is right. Made by `validated` only. */
export interface Validated extends Carried {
  readonly [made]: true;
  readonly action: Action;
  readonly kind: Kind;
  readonly named: Named;
  readonly parameters: JsonObject;
  readonly reason: string;
  readonly ticket?: string;
  readonly onBehalfOf?: string;
}

/** Says that a shape is right. Only `validate` may, which has looked at all of it. */
export const validated = (right: Omit<Validated, typeof made>): Validated => ({ [made]: true, ...right });
