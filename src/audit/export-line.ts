import { z } from 'zod';
import { canonicalJson } from '../kit/canonical-json.ts';
import { parseJson } from '../kit/parse-json.ts';
import { parseStrictJson } from '../kit/strict-json.ts';
import type { ShownEntry } from './verify-chain.ts';

const entrySchema = z.strictObject({
  seq: z.int(),
  at: z.string(),
  type: z.string(),
  body: z.unknown().refine(body => body !== undefined),
  prev: z.string(),
  hash: z.string(),
});

/** An entry as a line of `GET /v1/audit` shows it; or why it is none, as the rest of a sentence. */
export function readExportLine(line: string): ShownEntry | { readonly problem: string } {
  const json = parseJson(line);
  if (json === undefined) return { problem: 'is not JSON' };
  // Written by somebody else: of two equal keys others may read the other one, so such a line says nothing for certain.
  if (JSON.stringify(json) !== line) {
    const strict = parseStrictJson(Buffer.from(line), 'anywhere');
    if (!strict.ok) return { problem: `is not strict JSON: ${strict.problem}` };
  }
  const parsed = entrySchema.safeParse(json);
  if (!parsed.success) return { problem: 'does not have the six fields of an entry' };
  return { ...parsed.data, body: canonicalJson(parsed.data.body) };
}
