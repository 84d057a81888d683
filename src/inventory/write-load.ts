import { declaredLabels } from '../config/config.ts';
import { refuse } from '../kit/refusal.ts';
import { lineRulesOf, type LineRules } from './describe-kind.ts';
import type { InventoryLedger } from './flip.ts';
import { keepPatched, refuseUntold } from './keep-patched.ts';
import type { Lines } from './line.ts';
import { analyze, readPast, type Measuring } from './load-queries.ts';
import type { LoadMethod, LoadQuery } from './load-query.ts';
import { cutOff, LoadRefused, tooHeavy } from './load-refusal.ts';
import { countAfter, weightsAfter, type Load } from './load.ts';
import { measureLoad } from './measure-load.ts';
import { readCsv } from './read-csv.ts';
import { readNdjson } from './read-ndjson.ts';
import { countAbsent, endAbsent, settleTotals } from './settle-rows.ts';
import { speaksOf } from './speaks-of.ts';
import { forgetAbsent, writeLines } from './write-lines.ts';

/** What a load brings. */
export interface LoadContent {
  readonly format: 'ndjson' | 'csv';
  /** Throws, whatever, when the stream ended before its end: such a load is cut off. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** All of a load but its flip: the lines, the measure, and what follows from the whole. */
export async function writeLoad(
  load: Load,
  content: LoadContent,
  query: LoadQuery,
  ledger: InventoryLedger,
): Promise<void> {
  const { db, kind, method, done, inForce } = load;
  const asOfMs = query.asOfMs ?? load.arrival.nowMs;
  if (method === 'put' && inForce !== undefined)
    ({ patched: done.patched, partly: done.partly } = await keepPatched(load, asOfMs));
  await writeLines(load, readLines(content, lineRulesOf(kind, load.source), method));
  refuseUntold(load, asOfMs);
  const isWhole = method === 'put' && load.source?.ownsExistence !== false;
  if (isWhole) done.removed = countAbsent(load);
  else if (method === 'put') await forgetAbsent(load);
  // By the agreed time, as windows: a database that is ahead must not let what was lost be forgotten early.
  const past = inForce && (await readPast(db, measuringOf(load, (await ledger.arrive()).nowMs)));
  const refusal = measureLoad(
    kind.kind,
    { method, source: load.source?.name, ...done, count: countAfter(load) },
    query,
    past,
  );
  if (refusal !== undefined) throw new LoadRefused(refusal);
  if (isWhole) await endAbsent(load);
  const heavy = Object.entries(weightsAfter(load) ?? {}).find(([, sum]) => !Number.isSafeInteger(sum));
  if (heavy !== undefined) throw tooHeavy(heavy[0]);
  await settleTotals(load);
  if (isLarge(load)) await analyze(db);
}

const measuringOf = ({ kind: { kind }, source }: Load, nowMs: number): Measuring => ({
  kind: kind.name,
  own: speaksOf(kind, source),
  declared: declaredLabels(kind),
  maxAgeMs: (source ?? kind).maxAgeMs,
  nowMs,
});

/** More than a tenth of what was in force is new. */
const isLarge = ({ done, inForce, redefined }: Load): boolean =>
  redefined || (done.added + done.changed + done.removed) * 10 > (inForce?.count ?? 0);

function readLines(
  { format, content }: LoadContent,
  kind: LineRules,
  method: LoadMethod,
): AsyncIterable<Lines> {
  const whole = wholly(content);
  if (format === 'ndjson') return readNdjson(whole, kind, method);
  if (method === 'put') return readCsv(whole, kind);
  throw new LoadRefused(
    refuse({ rule: 'request.media_type', message: 'A PATCH comes as application/x-ndjson.' }),
  );
}

/** Whatever ends the stream before its end cuts the load off, and is told before what its last line looks like. */
async function* wholly(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* content;
  } catch {
    // Why the client left is not known, and changes nothing.
    throw cutOff();
  }
}
