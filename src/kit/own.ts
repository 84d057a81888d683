/** What an object has itself under a name that others chose, and never what every object inherits, as `toString`. */
export const own = <Value>(object: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;
