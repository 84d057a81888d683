import type { Load, Loaded, Problem } from '../client/types.ts';
import { UsageError } from '../config/environment.ts';
import { grownFrom } from '../inventory/grown.ts';
import { asError } from '../kit/fault.ts';
import { didYouMean, isBlank, quote } from '../kit/text.ts';
import { parseTimeMs } from '../kit/time.ts';
import { showCount } from '../kit/units.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import {
  countLines,
  LineCount,
  openLoadFile,
  piecesOf,
  type LoadFile,
  type LoadFormat,
} from './load-file.ts';
import { jsonLine, printable } from './printable.ts';
import { ruleOf, SaidNo } from './said-no.ts';
import { sendOnce } from './send-once.ts';
import { showBytes } from './show-bytes.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';

export interface LoadOptions {
  readonly format?: LoadFormat;
  readonly expect?: number;
  readonly asOf?: string;
  readonly force?: string;
  readonly reason?: string;
  readonly source?: string;
  readonly patch: boolean;
  readonly json: boolean;
}

/**
 * Loads a file. Its lines are counted first and the gate is told how many there are, so that what is cut off on the way is refused.
 * Of what is no file nobody knows that but who wrote it, and says it.
 * @returns 0 when it is in force; the gate's no is thrown
 */
export async function runInventoryLoad(
  kind: string,
  named: string,
  options: LoadOptions,
  calls: LoadCalls,
  terminal: Terminal,
): Promise<number> {
  const query = queryOf(options);
  const load = await openLoadFile(named, options.format);
  if (options.patch && load.format === 'csv')
    throw new UsageError('a patch is NDJSON: a CSV line cannot say what is taken out');
  const expect = await expectedOf(load, options);
  const loaded = await explained(load, kind, calls, terminal, async () => {
    const { asOf, ...forced } = query;
    const send = async (signal: AbortSignal, goesOn: () => void) => {
      const sent = progressOf(load, terminal, goesOn);
      const told = { ...forced, expect, signal };
      if (options.patch) return await calls.patchInventory(kind, sent, told);
      return await calls.putInventory(kind, sent, {
        ...told,
        format: load.format,
        ...(asOf !== undefined && { asOf }),
      });
    };
    const untold = `It is not known whether it is loaded: ${calls.next('inventory summary')} shows what is in force, and its revision. What was cut off is refused.`;
    return await sendOnce(send, { untold, terminal });
  });
  if (options.json) terminal.say(jsonLine(loaded));
  else terminal.say(sayLoaded(kind, loaded, options));
  warnOfGrowth(kind, loaded, ['had', 'has'], terminal);
  if (query.asOf !== undefined) await warnOfStale(kind, calls, terminal);
  return exitCode.done;
}

function queryOf({
  asOf,
  force,
  reason,
  source,
  patch,
}: LoadOptions): Pick<Load, 'asOf' | 'force' | 'reason' | 'source'> {
  if (asOf !== undefined && patch)
    throw new UsageError('--as-of is for snapshots: a patch holds from its arrival');
  if (asOf !== undefined && parseTimeMs(asOf, 'down') === undefined)
    throw new UsageError(`--as-of is a time like 2026-11-22T03:00:00Z, not ${quote(asOf)}`);
  const forced = (['shrink', 'change', 'shrink,change'] as const).find(one => one === force);
  if (force !== undefined && forced === undefined)
    throw new UsageError(`--force is shrink, change or shrink,change, not ${quote(force)}`);
  if (forced !== undefined && (reason === undefined || isBlank(reason)))
    throw new UsageError('a forced load says why: --reason "…"');
  if (forced === undefined && reason !== undefined)
    throw new UsageError('--reason is for --force, and nothing is forced');
  return {
    ...(source !== undefined && { source }),
    ...(asOf !== undefined && { asOf }),
    ...(forced !== undefined && { force: forced }),
    ...(reason !== undefined && { reason }),
  };
}

type LoadCalls = Pick<GateCalls, 'putInventory' | 'patchInventory' | 'inventory' | 'readyToDecide' | 'next'>;

/** What the gate is told to expect: what was said, which must be what is in the file. Of a pipe nothing can be counted before. */
async function expectedOf(load: LoadFile, { expect }: LoadOptions): Promise<number> {
  if (load.size === undefined) {
    if (expect !== undefined) return expect;
    throw new UsageError(
      `the lines of ${load.file === undefined ? 'stdin' : `${quote(load.file)}, which is no file,`} cannot be counted before they are sent, and what ends early would look like the whole: say --expect N, as counted by whoever wrote it; or load a file. Nothing was sent`,
    );
  }
  const lines = await countLines(load);
  if (lines === 0)
    throw new UsageError(`${quote(load.file ?? '')} has no lines. An empty answer is not an empty fleet`);
  if (expect !== undefined && expect !== lines)
    throw new UsageError(
      `${quote(load.file ?? '')} has ${countOf(lines, 'line')}, and --expect says ${showCount(expect)}. Nothing was sent`,
    );
  return lines;
}

const BAR_COLUMNS = 30;

/** The content as it is sent, with how far it is. */
async function* progressOf(
  load: LoadFile,
  terminal: Terminal,
  goesOn: () => void = () => undefined,
): AsyncGenerator<Uint8Array, void> {
  const count = new LineCount(load.format);
  let bytes = 0;
  for await (const piece of piecesOf(load)) {
    yield piece;
    count.add(piece);
    bytes += piece.length;
    goesOn();
    terminal.progress(`${barOf(bytes, load.size)}${showBytes(bytes)}, ${countOf(count.lines, 'line')} sent`);
  }
  goesOn();
  terminal.progress(`${barOf(bytes, load.size)}all is sent; the gate measures it …`);
}

function barOf(bytes: number, size: number | undefined): string {
  if (size === undefined || size === 0) return '';
  const full = Math.min(BAR_COLUMNS, Math.floor((bytes / size) * BAR_COLUMNS));
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_COLUMNS - full)}] ${Math.min(100, Math.floor((bytes / size) * 100))}%  `;
}

function sayLoaded(
  kind: string,
  { revision, count, added, removed, changed, skipped = 0 }: Loaded,
  { patch }: LoadOptions,
): string {
  const what = patch ? 'Patched' : 'Loaded';
  return `${what} ${printable(kind)}: ${countOf(count, 'target')} in force, revision ${revision} (${showCount(added)} added, ${showCount(removed)} removed, ${showCount(changed)} changed).${skipped === 0 ? '' : ` ${countOf(skipped, 'line')} skipped: there ${skipped === 1 ? 'is no such target' : 'are no such targets'}.`}`;
}

/** Nothing refuses growth, and whoever sees only "loaded" does not see that each limit has become wider. */
function warnOfGrowth(
  kind: string,
  counts: Pick<Loaded, 'count' | 'added' | 'removed'>,
  [had, has]: readonly [string, string],
  terminal: Terminal,
): void {
  const before = grownFrom(counts);
  if (before !== undefined)
    terminal.complain(
      `${printable(kind)} ${had} ${countOf(before, 'target')}, and ${has} ${showCount(counts.count)} with this load: more than twice as many, and so much larger is each share of them. Does the source tell one target under two names?`,
    );
}

/** A snapshot that was read long ago can be in force, and refuse everything. What the gate does not say is no warning. */
async function warnOfStale(
  kind: string,
  calls: Pick<GateCalls, 'readyToDecide'>,
  terminal: Terminal,
): Promise<void> {
  const ready = await calls.readyToDecide().catch(() => undefined);
  const check = ready?.checks.kinds[kind];
  if (check?.ok !== false || check.detail === undefined) return;
  terminal.complain(
    `Every request for ${printable(kind)} is refused all the same: ${printable(check.detail)}`,
  );
}

const LINE_COLUMNS = 200;

/** Beside a no of the gate: the line that it names, as it stands in the file, and the kinds that there are. */
async function explained<T>(
  load: LoadFile,
  kind: string,
  calls: Pick<GateCalls, 'inventory'>,
  terminal: Terminal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    terminal.progress(undefined);
    if (!(thrown instanceof SaidNo)) throw thrown;
    const { line, status } = thrown.problem;
    if (line !== undefined && load.size !== undefined) await showLine(load, line, terminal);
    if (status === 404) await sayKinds(kind, calls, terminal);
    throw thrown;
  }
}

async function showLine(load: LoadFile, line: number, terminal: Terminal): Promise<void> {
  const text = await lineAt(load, line).catch((error: unknown) => asError(error).message);
  const shown = printable(text.slice(0, LINE_COLUMNS)) + (text.length > LINE_COLUMNS ? '…' : '');
  terminal.complain(`${load.file ?? ''}:${line}: ${shown}`);
}

/** Of the kinds only those are known that were loaded; a new one may be declared and empty. */
async function sayKinds(
  kind: string,
  calls: Pick<GateCalls, 'inventory'>,
  terminal: Terminal,
): Promise<void> {
  const kinds = await calls.inventory().then(
    found => found.kinds.map(one => one.kind),
    () => [],
  );
  terminal.complain(
    `interlock: the gate declares no kind ${quote(kind)}${didYouMean(kind, kinds, true)}. Nothing was loaded.`,
  );
}

async function lineAt(load: LoadFile, wanted: number): Promise<string> {
  const decoder = new TextDecoder();
  let number = 1;
  let rest = '';
  for await (const piece of piecesOf(load)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    const found = lines[wanted - number];
    if (found !== undefined) return found.replace(/\r$/, '');
    number += lines.length;
  }
  return rest;
}

/** More lines than any load may have: this one can never come into force, whatever stands in the file by then. */
const NEVER = 999_999_999_999_999;

/**
 * What a snapshot would add, remove and change, by the gate's own numbers: it is sent with a number of lines that no load can
 * have, so the gate reads and compares all of it, and refuses it.
 */
export async function runInventoryDiff(
  kind: string,
  named: string,
  options: Pick<LoadOptions, 'format' | 'json'>,
  calls: LoadCalls,
  terminal: Terminal,
): Promise<number> {
  const load = await openLoadFile(named, options.format);
  const sent = progressOf(load, terminal);
  const told = { format: load.format, expect: NEVER };
  try {
    await explained(load, kind, calls, terminal, async () => await calls.putInventory(kind, sent, told));
  } catch (thrown) {
    if (!(thrown instanceof SaidNo)) throw thrown;
    const { would } = thrown.problem;
    if (ruleOf(thrown.problem) !== 'inventory.unexpected_count' || would === undefined) throw thrown;
    sayDiff(kind, would, await countNow(kind, calls), options.json, terminal);
    return exitCode.done;
  } finally {
    terminal.progress(undefined);
  }
  throw new Error('the gate took a load of a number of lines that it cannot have');
}

type Would = NonNullable<Problem['would']>;

async function countNow(kind: string, calls: Pick<GateCalls, 'inventory'>): Promise<number> {
  const { kinds } = await calls.inventory();
  return kinds.find(one => one.kind === kind)?.count ?? 0;
}

function sayDiff(kind: string, would: Would, now: number, json: boolean, terminal: Terminal): void {
  warnOfGrowth(kind, would, ['has', 'would have'], terminal);
  if (json) {
    terminal.say(jsonLine({ kind, now, would }));
    return;
  }
  const share = (count: number): string =>
    now === 0 ? '' : ` (${((count / now) * 100).toFixed(2)}% of what is in force)`;
  terminal.say(
    `${printable(kind)}: ${countOf(now, 'target')} now, ${showCount(would.count)} after this load.`,
  );
  terminal.say(`  added    ${showCount(would.added)}`);
  terminal.say(`  removed  ${showCount(would.removed)}${share(would.removed)}`);
  terminal.say(`  changed  ${showCount(would.changed)}${share(would.changed)}`);
  terminal.say('Nothing was loaded.');
  terminal.complain(
    'Not told: which targets these are, and whether max_shrink and max_change would let it pass; those also count what patches did. Compare removed and changed with them in the configuration.',
  );
}
