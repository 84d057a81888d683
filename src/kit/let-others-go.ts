/** In each one connection is accepted, and it takes some until it is answered. */
const TURNS = 20;

/** Turns of the event loop for all else, between two pieces of work that each take a part of a second: a stop would wait at the door for all of them. */
export async function letOthersGo(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise<void>(resolve => setImmediate(resolve));
}
