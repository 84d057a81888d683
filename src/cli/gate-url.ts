import type { Config } from '../config/config.ts';

type Addressed = Pick<Config, 'listen' | 'publicUrl'> & { readonly tls?: object };

/** Where gates of this configuration are reached from here; undefined for a port that the system chose. */
export const urlOf = (config: Addressed): string | undefined =>
  // Its certificate is of the name that clients know it by.
  config.tls !== undefined && config.publicUrl !== undefined ? config.publicUrl : ownUrlOf(config);

/** Where the gate of this machine listens, and no other one answers, as one may that shares its address; undefined for a port that the system chose. */
export function ownUrlOf({ listen, tls }: Addressed): string | undefined {
  if (listen.port === 0) return undefined;
  const anywhere = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host;
  const host = anywhere.includes(':') ? `[${anywhere}]` : anywhere;
  return `${tls === undefined ? 'http' : 'https'}://${host}:${listen.port}`;
}
