/** What a JSON text says; undefined for a text that is none, for no JSON says that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
