import type { Clock } from '../kit/clock.ts';
import { isKey } from '../kit/text.ts';
import type { ClientSettings } from './client.ts';
import { ClientMisuseError } from './errors.ts';
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
    fetch: settings.fetch ?? fetch,
    patience: checkPatience({ ...PATIENCE, ...settings.patience }),
    onRetry: settings.onRetry,
    ...chances,
  };
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
        : 'The URL of the gate is none: it looks like http://127.0.0.1:7070.',
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
