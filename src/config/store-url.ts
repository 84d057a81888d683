import { asError } from '../kit/fault.ts';
import { readPlainFileSync } from '../kit/plain-file.ts';
import { didYouMean, listNames, quote } from '../kit/text.ts';

/** A word that may stand behind the `?`, and its values; without them any. */
type Words = Readonly<Record<string, readonly string[] | 'any'>>;

const SWITCH = ['0', '1'];
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * The driver passes over what it does not know, and so a connection that was meant to be encrypted went in the clear for a slip of a
 * letter. What it does pass over of libpq's words stands here where that leaves nothing undone that was asked for.
 */
const WORDS: Words = {
  user: 'any',
  password: 'any',
  host: 'any',
  port: 'any',
  sslmode: SSL_MODES,
  ssl: ['true', '1', '0', 'no-verify'],
  uselibpqcompat: ['true'],
  sslrootcert: 'any',
  sslcert: 'any',
  sslkey: 'any',
  sslnegotiation: ['postgres', 'direct'],
  options: 'any',
  // Set for each session by the gate itself.
  application_name: 'any',
  fallback_application_name: 'any',
  client_encoding: ['UTF8', 'utf8'],
  connect_timeout: 'any',
  keepalives: SWITCH,
  keepalives_idle: 'any',
  keepalives_interval: 'any',
  keepalives_count: 'any',
  tcp_user_timeout: 'any',
  // One server is named, and one that takes no writes is refused.
  target_session_attrs: ['any', 'read-write', 'primary'],
  // What is asked for is the most that may be done, and the driver does less; `require` would ask for what it never does.
  channel_binding: ['disable', 'prefer'],
  gssencmode: ['disable', 'prefer'],
};

/** What is asked of TLS; where none of them stands, the driver goes by `PGSSLMODE`. */
const TLS_WORDS = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation'];

/**
 * What is wrong with the words of a store's URL, as it follows `store`. Of a value nothing is shown, and of an unknown word what is near
 * to one that is known: a password with an `&` that is not escaped ends in words, too.
 */
export function wordProblems(url: URL, mode: string = process.env['PGSSLMODE'] ?? ''): string[] {
  const words = [...url.searchParams.keys()];
  const problems = [...url.searchParams].flatMap(([word, value], index) => {
    const values = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
    if (values === undefined) return unknownWord(word, index);
    if (words.indexOf(word) !== index) return `says ${word} twice in its URL`;
    return values === 'any' || values.includes(value) ? [] : wrongValue(word, value, values);
  });
  // No driver looks behind it: `#sslmode=verify-full` went in the clear.
  if (url.hash !== '')
    problems.push(
      'has a # in its URL, and nothing behind that is looked at: words stand behind a ?, and in a password # is written %23',
    );
  const isOfEnvironment = mode !== '' && !TLS_WORDS.some(word => words.includes(word));
  return isOfEnvironment && !SSL_MODES.includes(mode)
    ? [...problems, `is reached as PGSSLMODE says, which must be one of ${listNames(SSL_MODES)}`]
    : problems;
}

/** The files that a store's URL names; none of what is no URL. Relative ones are the driver's: of the folder in which the gate was started. */
export function filesOfStore(store: unknown): string[] {
  const url = typeof store === 'string' && URL.canParse(store) ? new URL(store) : undefined;
  return ['sslrootcert', 'sslcert', 'sslkey'].flatMap(word => url?.searchParams.get(word) ?? []);
}

/** A bundle of all authorities is a quarter of this. */
const MAX_BYTES = 1024 * 1024;

/** What the driver would say of each try to connect, as if the database were away; and a named pipe holds whoever opens it. */
export const fileProblems = (store: string): string[] =>
  filesOfStore(store).flatMap(file => {
    try {
      readPlainFileSync(file, MAX_BYTES);
      return [];
    } catch (thrown) {
      return `names in its URL ${quote(file, 200)}, which cannot be read: ${asError(thrown).message}`;
    }
  });

function unknownWord(word: string, index: number): string {
  const known = Object.keys(WORDS);
  const near = didYouMean(word, known, false);
  return near === ''
    ? `has behind the ? of its URL a word that is not known here (number ${index + 1}): there are ${listNames(known, known.length)}`
    : `has behind the ? of its URL the word ${quote(word)}, which is not known here${near}`;
}

const wrongValue = (word: string, value: string, values: readonly string[]): string =>
  `must have for ${word} in its URL one of ${listNames(values)}${
    word === 'channel_binding'
      ? '; the driver binds no channels, but sslmode=verify-full checks that the server is the right one'
      : didYouMean(value, values, false)
  }`;
