import type { Action, Kind } from '../config/config.ts';
import type { JsonObject } from '../kit/strict-json.ts';

export type { Json, JsonObject } from '../kit/strict-json.ts';

/** What the caller named: ids as they came (distinct), or a selector (label → non-empty list of values) with its expectation. */
export type Named =
  | { readonly ids: readonly [string, ...string[]]; readonly expect?: number }
  | { readonly selector: Readonly<Record<string, readonly [string, ...string[]]>>; readonly expect: number };

/** A request whose shape is right. Made by `validate` only. */
export interface Validated {
  readonly action: Action;
  readonly kind: Kind;
  readonly named: Named;
  readonly parameters: JsonObject;
  readonly reason: string;
  readonly ticket?: string;
  readonly onBehalfOf?: string;
}
