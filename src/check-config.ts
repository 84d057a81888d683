import type { Config } from './config/config.ts';
import { readConfig } from './config/read-config.ts';
import { describeStart, withoutLimits } from './describe-start.ts';
import { readPolicy, toLoaded } from './load-policy.ts';

/**
 * Reads everything that a start reads, and opens neither the store nor the socket.
 * @returns what would be in force
 * @throws FileError with every problem; Fault `policy.unavailable` for a bundle with which a gate would decide nothing
 */
export async function checkConfig(file: string) {
  const config = readConfig(file);
  const loaded = toLoaded(await readPolicy(config));
  const { limits } = loaded.policy;
  const { host, port } = config.listen;
  return {
    ...describeStart(config, loaded),
    listen: `${config.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...(config.tls !== undefined && {
      certificate_expires: new Date(config.tls.expiresMs).toISOString(),
      client_certificates: config.tls.pem.ca !== undefined,
    }),
    bundle_revision: loaded.revision.bundle.revision,
    kinds: [...config.kinds.keys()],
    actions: [...config.actions.keys()].map(name => describeAction(config, name, limits.actions)),
    profiles: loaded.profiles,
    without_limits: withoutLimits(config, loaded),
    principals: config.principals.map(({ name, roles, labels }) => ({
      ...{ name, roles: [...roles] },
      ...(labels !== undefined && { labels }),
    })),
  };
}

export type CheckedConfig = Awaited<ReturnType<typeof checkConfig>>;

/** An action and its limits as they would be in force; null where it has none, and is allowed to nobody. */
const describeAction = (config: Config, name: string, limits: Readonly<Record<string, object>>) => ({
  name,
  kind: config.actions.get(name)?.kind,
  limits: Object.hasOwn(limits, name) ? (limits[name] ?? null) : null,
});
