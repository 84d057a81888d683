import type { AccessOptions } from '../config/client-settings.ts';
import { printable } from './printable.ts';
import { shellWord } from './shell-word.ts';

/**
 * A command that is printed as the next step, with the options that this one was given: it runs as it is printed.
 * @param words behind the program's name, as they are typed
 * @param as `another` where it takes the key of another role: then no key is named, and no certificate, for that is somebody's too
 */
export type NextCommand = (words: string, as?: 'another') => string;

/** What the environment says stays as it is, and is not said again; a key is in a file, and of that only the path is. */
export const nextCommandOf =
  ({ url, keyFile, ca, cert, certKey }: AccessOptions): NextCommand =>
  (words, as) => {
    const own = as === 'another' ? {} : { '--key-file': keyFile, '--cert': cert, '--cert-key': certKey };
    const options = Object.entries({ '--url': url, '--ca': ca, ...own }).flatMap(([flag, value]) =>
      value === undefined ? [] : [`${flag} ${printable(shellWord(value))}`],
    );
    return ['interlock', words, ...options].join(' ');
  };
