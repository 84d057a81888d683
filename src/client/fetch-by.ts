import type { ClientTls } from '../kit/client-tls.ts';

/**
 * A `fetch` that believes and shows these certificates. Its library is loaded for this, and for nothing else that asks a gate.
 * @param isOfAnyName for an address that is no name of its certificate; then no secret may be sent
 */
export const fetchBy = (tls: ClientTls, isOfAnyName = false): typeof fetch => {
  const opened = open(isOfAnyName ? { ...tls, checkServerIdentity: () => undefined } : tls);
  return async (input, init) => await (await opened)(input, init);
};

async function open(
  tls: ClientTls & { readonly checkServerIdentity?: () => undefined },
): Promise<typeof fetch> {
  const { Agent, fetch: fetchOver } = await import('undici');
  const dispatcher = new Agent({ connect: tls });
  return async (input, init) =>
    // The same `fetch`, in the types of another version than Node brings along.
    await fetchOver(input instanceof Request ? input.url : input, {
      ...(init as Parameters<typeof fetchOver>[1]),
      dispatcher,
    });
}
