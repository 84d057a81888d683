import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, type FormatConfig } from 'oxfmt';

const settings = fileURLToPath(new URL('../../.oxfmtrc.json', import.meta.url));

/** A made file's text as the formatter of the house would leave it. */
export async function formatted(file: string, text: string): Promise<string> {
  const { ignorePatterns: _, ...options } = JSON.parse(await readFile(settings, 'utf8')) as FormatConfig & {
    ignorePatterns: unknown;
  };
  const { code, errors } = await format(file, text, options);
  if (errors.length > 0) throw new Error(`${file} cannot be formatted: ${errors[0]?.message}`);
  return code;
}
