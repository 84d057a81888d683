import { CSV_HEADER, csvLine } from '../audit/csv.ts';
import { NoAnswerError } from '../client/errors.ts';
import type { RecordedDecision, Search } from '../client/types.ts';
import { UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { isBlank, nearestName, quote } from '../kit/text.ts';
import { columnsOf } from './columns.ts';
import { NEVER_RECORDED } from './decision-exit.ts';
import type { GateCalls } from './gate-calls.ts';
import { exitCode } from './exit-code.ts';
import { jsonLine, printable } from './printable.ts';
import { ruleOf, SaidNo } from './said-no.ts';
import { countOf, formatTable, newestShown } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseSince, showAgo } from './times.ts';
import { isReaderGone } from './watch-output.ts';

export interface SearchOptions {
  readonly filters: Search;
  /** So many, the newest; undefined for all there are. */
  readonly most: number | undefined;
  readonly format: 'table' | 'ndjson' | 'csv';
}

/** So often somebody who waits is told how far it is. */
const TELL_EVERY = 1000;

/**
 * Searches what was decided, page by page.
 * @returns 0; 2 where a filter names what the gate does not know: nothing found would read as nothing there; 3 where it did not say
 */
export async function runAuditSearch(
  { filters, most, format }: SearchOptions,
  calls: SearchCalls,
  terminal: Terminal,
  nowMs: number,
): Promise<number> {
  // One more than is shown tells whether there are more.
  const items = await calls.search(searchOf(filters, nowMs), most === undefined ? {} : { limit: most + 1 });
  if (format === 'csv') terminal.say(CSV_HEADER.trimEnd());
  const rows: RecordedDecision[] = [];
  let found = 0;
  for await (const item of items) {
    found += 1;
    if ((most !== undefined && found > most) || isReaderGone()) break;
    if (format === 'table') rows.push(item);
    else if (format === 'csv') sayCsv(csvLine(item).trimEnd(), terminal);
    else terminal.say(jsonLine(item));
    if (found % TELL_EVERY === 0) terminal.progress(`${countOf(found, 'request')} so far …`);
  }
  if (found >= TELL_EVERY) terminal.progress(undefined);
  if (format === 'table') sayTable(rows, terminal, nowMs);
  if (most !== undefined && found > most && !isReaderGone()) terminal.complain(newestShown(most, 'request'));
  const code = found === 0 ? await sayUnknownNames(filters, calls, terminal) : exitCode.done;
  if (code === exitCode.done && !isReaderGone()) await sayPart(calls, terminal);
  return code;
}

/** A program reads it as it is. On a terminal it is for a person, and steers nothing. */
const sayCsv = (line: string, terminal: Terminal): void =>
  terminal.isPerson ? terminal.say(printable(line)) : terminal.pass(line, 'answer');

/** What a key does not see looks as if it were not there. Only whoever reads all reads the policy too. */
async function sayPart(calls: Pick<GateCalls, 'policy'>, terminal: Terminal): Promise<void> {
  const sees = await calls.policy().catch((thrown: unknown) => asError(thrown));
  if (sees instanceof SaidNo && ruleOf(sees.problem) === 'principal.not_allowed')
    terminal.complain(
      "This key sees only a part: a requester's key its own requests, an operator's those that were allowed, and no refusal. An auditor's key sees all.",
    );
}

type SearchCalls = Pick<GateCalls, 'search' | 'policy' | 'rules'>;

function searchOf(filters: SearchOptions['filters'], nowMs: number): Search {
  const times: { since?: string; until?: string } = {};
  for (const [name, text] of Object.entries(filters)) {
    const option = `--${name.replaceAll('_', '-')}`;
    if (isBlank(text)) throw new UsageError(`${option} is blank: leave it out, or give it a value`);
    const value = name === 'since' || name === 'until' ? parseSince(text, nowMs) : text;
    if (value === undefined)
      throw new UsageError(
        `${option} is a time like 2026-11-22T15:04:05Z, or so long ago, like 30m, 2h or 7d, not ${quote(text)}`,
      );
    if (name === 'since' || name === 'until') times[name] = value;
  }
  const { since, until } = times;
  if (since !== undefined && until !== undefined && Date.parse(since) >= Date.parse(until))
    throw new UsageError('--since must be before --until: nothing lies between these two');
  return { ...filters, ...times };
}

/** Of an id in a table that is too wide otherwise. */
const SHORT_ID = 8;

function sayTable(rows: readonly RecordedDecision[], terminal: Terminal, nowMs: number): void {
  if (rows.length === 0) {
    terminal.say('Nothing was found.');
    return;
  }
  const columns = [
    { title: 'DECIDED' },
    { title: 'ID' },
    { title: 'ACTION' },
    { title: 'BY', shrinks: true },
    { title: 'DECISION' },
    { title: 'TARGETS', align: 'right' },
    { title: 'OUTCOME' },
    { title: 'WHY', shrinks: true },
  ] as const;
  const cells = rows.map(one => [
    showAgo(one.decided_at, nowMs),
    one.id,
    one.action,
    one.principal,
    one.decision,
    one.targets?.count,
    one.outcome?.status,
    one.decision === 'allowed' && one.outcome?.rule === undefined
      ? one.reason
      : [
          ...new Set([
            ...one.reasons.map(({ rule }) => rule),
            ...(one.outcome?.rule === undefined ? [] : [one.outcome.rule]),
          ]),
        ].join(' '),
  ]);
  const { width } = terminal;
  const isTooWide = width !== undefined && formatTable(columns, cells).some(line => columnsOf(line) > width);
  // The beginning of an id is what `audit show` and `settle` take; why it was refused would be cut away for the rest of it.
  const fitted = isTooWide ? cells.map(row => row.with(1, String(row[1]).slice(0, SHORT_ID))) : cells;
  for (const line of formatTable(columns, fitted, width)) terminal.say(line);
}

/** How many of the newest are looked at for names. */
const LOOKED_AT = 1000;

/**
 * Nothing was found: is there such an action, rule, principal at all? The gate lists its rules, and the actions that have limits; whoever may
 * read those sees whether one was ever asked for. It lists no principals, so of those only the ones that asked lately are known.
 */
async function sayUnknownNames(
  filters: SearchOptions['filters'],
  calls: SearchCalls,
  terminal: Terminal,
): Promise<number> {
  const { action, principal, rule } = filters;
  if ((action ?? principal ?? rule) === undefined) return exitCode.done;
  if (rule === NEVER_RECORDED) {
    terminal.complain(
      `interlock: what is refused by ${rule} is never recorded, so that no search finds it: the log of the gate has it`,
    );
    return exitCode.wrongUse;
  }
  const lately: RecordedDecision[] = [];
  for await (const one of await calls.search({}, { limit: LOOKED_AT })) lately.push(one);
  let code: number = exitCode.done;
  const look = (what: string, name: string | undefined, known: readonly string[], whole: boolean): void => {
    if (name === undefined || known.includes(name)) return;
    const near = nearestName(name, known);
    const hint = near === undefined ? '' : `: did you mean ${quote(near)}?`;
    if (whole || near !== undefined) code = exitCode.wrongUse;
    terminal.complain(
      whole
        ? `interlock: the gate knows no ${what} ${quote(name)}${hint}`
        : `interlock: no ${what} ${quote(name)} is among ${what === 'principal' ? 'those who asked' : 'what was asked'} lately${hint}${near === undefined ? `; the gate does not list its ${what}s, so there may be one` : ''}`,
    );
  };
  if (rule !== undefined) {
    const known = await rulesOf(calls);
    if (known === undefined) {
      terminal.complain(
        `interlock: the gate did not say which rules it knows, so ${quote(rule)} may be none`,
      );
      code = exitCode.couldNotTell;
    } else look('rule', rule, known, true);
  }
  if (action !== undefined) {
    const limits = await calls.policy().then(
      answer => answer.limits,
      () => undefined,
    );
    const asked = await everAsked(action, calls);
    // Who reads the policy sees all that was ever asked.
    look(
      'action',
      action,
      [...actionsOf(limits), ...lately.flatMap(one => one.action ?? []), ...asked],
      limits !== undefined,
    );
  }
  look(
    'principal',
    principal,
    lately.map(one => one.principal),
    false,
  );
  return code;
}

/** The action, if anything was ever asked of it that this key sees. */
async function everAsked(action: string, calls: Pick<GateCalls, 'search'>): Promise<readonly string[]> {
  for (const mode of ['request', 'preflight'] as const)
    for await (const _ of await calls.search({ action, mode }, { limit: 1 })) return [action];
  return [];
}

/** Undefined where the gate does not say: only what it lists is known to be all there is. */
async function rulesOf(calls: Pick<GateCalls, 'rules'>): Promise<readonly string[] | undefined> {
  try {
    const { rules } = await calls.rules();
    const names = typeof rules === 'object' ? Object.keys(Object(rules)) : [];
    return names.length === 0 ? undefined : names;
  } catch (thrown) {
    if (thrown instanceof NoAnswerError || thrown instanceof SaidNo) return undefined;
    throw thrown;
  }
}

function actionsOf(limits: unknown): string[] {
  if (typeof limits !== 'object' || limits === null || !('actions' in limits)) return [];
  return Object.keys(Object(limits.actions));
}
