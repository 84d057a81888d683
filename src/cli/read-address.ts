import { parseDocument } from 'yaml';
import { DEFAULT_LISTEN, readListen } from '../config/schemas.ts';
import { MAX_FILE_BYTES } from '../config/yaml-file.ts';
import { readPlainFileSync } from '../kit/plain-file.ts';
import { urlOf } from './gate-url.ts';

/**
 * Where the gate of a configuration is reached; undefined where that cannot be told for sure: the wrong gate must not be stopped, and
 * the right one taken for stopped. Nothing else of the file is looked at.
 */
export function readAddress(configFile: string): string | undefined {
  try {
    const document = parseDocument(readPlainFileSync(configFile, MAX_FILE_BYTES).toString('utf8'));
    if (document.errors.length > 0) return undefined;
    const said = new Map(Object.entries(Object(document.toJS())));
    const [listen, publicUrl, tls] = [said.get('listen'), said.get('public_url'), said.get('tls')];
    const address = said.has('listen') ? readListen(String(listen)) : DEFAULT_LISTEN;
    if (address === undefined || said.size === 0) return undefined;
    return urlOf({
      listen: address,
      ...(typeof publicUrl === 'string' && { publicUrl }),
      ...(typeof tls === 'object' && tls !== null && { tls }),
    });
  } catch {
    return undefined;
  }
}
