import type { Config } from '../config/config.ts';

/** Where a gate of this configuration is reached from here; undefined for a port that the system chose. */
export function urlOf({
  listen,
  tls,
  publicUrl,
}: Pick<Config, 'listen' | 'publicUrl'> & { readonly tls?: object }): string | undefined {
  // Its certificate is of the name that clients know it by.
  if (tls !== undefined && publicUrl !== undefined) return publicUrl;
  if (listen.port === 0) return undefined;
  const anywhere = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host;
  const host = anywhere.includes(':') ? `[${anywhere}]` : anywhere;
  return `${tls === undefined ? 'http' : 'https'}://${host}:${listen.port}`;
}
