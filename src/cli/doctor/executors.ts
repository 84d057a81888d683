import net from 'node:net';
import tls from 'node:tls';
import type { Config, ExecutorConfig } from '../../config/config.ts';
import { isLoopback } from '../../config/schemas.ts';
import { asError, codeOf } from '../../kit/fault.ts';
import { listNames } from '../../kit/text.ts';
import { findingsOf, type Finding } from './finding.ts';

const CONNECT_MS = 3_000;

/** Whether each executor takes a connection. Nothing is ever sent: a look must not be an operation. */
export async function checkExecutors({ actions }: Pick<Config, 'actions'>): Promise<Finding[]> {
  const places = new Map<string, { readonly executor: ExecutorConfig; readonly actions: string[] }>();
  for (const { name, executor } of actions.values()) {
    const place = places.get(executor.url.origin) ?? { executor, actions: [] };
    place.actions.push(name);
    places.set(executor.url.origin, place);
  }
  const reached = await Promise.all([...places.values()].map(async place => await checkPlace(place)));
  return [...reached, ...checkKeysInClear(actions)];
}

async function checkPlace({
  executor,
  actions,
}: {
  readonly executor: ExecutorConfig;
  readonly actions: readonly string[];
}): Promise<Finding> {
  const { ok, fail } = findingsOf('executor');
  const { url } = executor;
  const forWhat = `${url.origin} (${listNames(actions)})`;
  const trouble = await connectTo(url).then(
    () => undefined,
    (thrown: unknown) => asError(thrown),
  );
  if (trouble === undefined)
    return ok(`${forWhat} takes a ${url.protocol === 'https:' ? 'TLS' : 'TCP'} connection`);
  return fail(`${forWhat} takes no connection: ${trouble.message}`, adviceFor(trouble));
}

function adviceFor(trouble: Error): string {
  const code = codeOf(trouble);
  if (code === 'ECONNREFUSED') return 'start the tool; until then what is allowed ends as refused there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'set the host in `executor.url` right, or the name server';
  if (/CERT|SELF_SIGNED|UNABLE_TO|TLS|SSL/.test(code))
    return 'give the tool a certificate that this machine trusts (NODE_EXTRA_CA_CERTS for an authority of your own)';
  return 'look at the network between this machine and the tool';
}

/** An address of IPv6 without its brackets. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** Resolves when a connection is there, which is closed at once. */
async function connectTo(url: URL): Promise<void> {
  const isTls = url.protocol === 'https:';
  const host = hostOf(url);
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  await new Promise<void>((resolve, reject) => {
    const socket = isTls
      ? tls.connect({ host, port, ...(net.isIP(host) === 0 && { servername: host }) })
      : net.connect({ host, port });
    socket.setTimeout(CONNECT_MS, () =>
      socket.destroy(new Error(`nothing answered in ${CONNECT_MS / 1000} s`)),
    );
    socket.once('error', reject);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      resolve();
      socket.destroy();
    });
  });
}

/** A key that goes over the network in clear is everybody's. */
function checkKeysInClear(actions: Config['actions']): Finding[] {
  const { warn } = findingsOf('executor');
  const inClear = [...actions.values()].filter(
    ({ executor: { url, bearerFile } }) =>
      bearerFile !== undefined && url.protocol === 'http:' && !isLoopback(hostOf(url)),
  );
  return inClear.map(({ name, executor }) =>
    warn(`the key for ${name} goes to ${executor.url.host} unencrypted`, 'name an https URL'),
  );
}
