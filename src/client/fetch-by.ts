import type { ClientTls } from '../kit/client-tls.ts';

/** A `fetch` that believes and shows these certificates. Its library is loaded for this, and for nothing else that asks a gate. */
export const fetchBy = (tls: ClientTls): typeof fetch => {
  const opened = open(tls);
  return async (input, init) => await (await opened)(input, init);
};

async function open(tls: ClientTls): Promise<typeof fetch> {
  const { Agent, fetch: fetchOver } = await import('undici');
  const dispatcher = new Agent({ connect: tls });
  return async (input, init) =>
    // The same `fetch`, in the types of another version than Node brings along.
    await fetchOver(input instanceof Request ? input.url : input, {
      ...(init as Parameters<typeof fetchOver>[1]),
      dispatcher,
    });
}
