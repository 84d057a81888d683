import { createSecureContext } from 'node:tls';
import type { Clock } from '../kit/clock.ts';
import { asError } from '../kit/fault.ts';
import { isBlank, isKey } from '../kit/text.ts';
import type { ClientSettings } from './client.ts';
import { ClientMisuseError } from './errors.ts';
import { fetchBy } from './fetch-by.ts';
import { PATIENCE, type Patience } from './retry.ts';
import type { Line } from './send.ts';

/** Some 23 days. A longer timer of node's, and one without an end, is over after a millisecond. */
export const LONGEST_MS = 2_000_000_000;

/**
 * Checks where and as whom a client calls.
 * @throws ClientMisuseError, which never says the key
 */
export function openLine(
  settings: ClientSettings,
  chances: Pick<Line, 'chance' | 'sleep'> & { readonly clock: Clock },
): Line {
  return {
    url: gateUrl(settings.url),
    key: settings.key === undefined ? undefined : bearerKey(settings.key),
    fetch: fetchOf(settings),
    patience: checkPatience({ ...PATIENCE, ...settings.patience }),
    onRetry: settings.onRetry,
    ...chances,
  };
}

function fetchOf({ url, tls, fetch: own }: ClientSettings): typeof fetch {
  if (tls === undefined) return own ?? fetch;
  if (own !== undefined)
    throw new ClientMisuseError('`tls` goes with the own `fetch` of this client: leave one of the two out.');
  if (!/^https:/i.test(url))
    throw new ClientMisuseError('`tls` is for a gate that is called by https, and its URL says http.');
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw new ClientMisuseError('A certificate and its key go together: `tls.cert` and `tls.key`.');
  const { ca, cert, key } = tls;
  const said = [ca, cert, key].filter(part => part !== undefined);
  // A blank one would be passed over, as if none were given.
  if (said.length === 0 || said.some(part => typeof part !== 'string' || isBlank(part)))
    throw new ClientMisuseError(
      '`tls` holds the text of PEM files: `ca`, or `cert` and `key`, or all three.',
    );
  try {
    createSecureContext(tls);
  } catch (thrown) {
    throw new ClientMisuseError(`\`tls\` cannot be used: ${asError(thrown).message}`);
  }
  return fetchBy(tls);
}

/** What `fetch` says of a header that it does not take holds the header. So it is looked at here. */
function bearerKey(key: string): string {
  if (typeof key === 'string' && isKey(key)) return key;
  throw new ClientMisuseError(
    'The key is blank, or holds what no key holds: it is visible ASCII, without blanks.',
  );
}

/** A word before a colon that no port follows: `gate:7070` is a host. */
const OTHER_SCHEME = /^(?!https?:)([a-z][a-z0-9+.-]*):[^0-9]/i;

function gateUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    const [, scheme] = OTHER_SCHEME.exec(text) ?? [];
    if (scheme !== undefined)
      throw new ClientMisuseError(
        `The URL of the gate begins with ${scheme}:, and a gate is called by http or https: http://127.0.0.1:7070.`,
      );
    throw new ClientMisuseError(
      URL.canParse(`http://${text}`) && !text.includes('://')
        ? `The URL of the gate lacks its scheme: http://${text}, or https://${text}.`
        : 'The URL of the gate is not one: it looks like http://127.0.0.1:7070.',
    );
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new ClientMisuseError(
      'The URL of the gate holds more than an address: no user, no query, no fragment.',
    );
  return url.href.replace(/\/+$/, '');
}

function checkPatience(patience: Patience): Patience {
  const { attempts, withinMs } = patience;
  if (Number.isSafeInteger(attempts) && attempts >= 1 && withinMs >= 0 && withinMs <= LONGEST_MS)
    return patience;
  throw new ClientMisuseError(
    `The patience is at least one attempt, within 0 to ${LONGEST_MS} milliseconds.`,
  );
}
