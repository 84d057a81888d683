/**
 * A record while it is being made. What is made member by member, in one order, has one of few shapes; an object that is put
 * together of optional spreads is made by slow paths of V8, and whatever reads it later has no shape to rely on.
 */
export type Writable<T> = { -readonly [Member in keyof T]: T[Member] };
