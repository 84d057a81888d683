import { CSV_HEADER, csvLine } from '../audit/csv.ts';
import { SEARCH_PARAMETERS } from '../audit/search.ts';
import { UsageError } from '../config/environment.ts';
import { nearestName, quote } from '../kit/text.ts';
import type { GateCalls, RecordedDecision } from './gate-calls.ts';
import { exitCode } from './exit-code.ts';
import { countOf, formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseSince, showAgo } from './times.ts';

export type Filter = (typeof SEARCH_PARAMETERS)[number];

export interface SearchOptions {
  readonly filters: Readonly<Partial<Record<Filter, string>>>;
  /** So many, the newest; undefined for all there are. */
  readonly most: number | undefined;
  readonly format: 'table' | 'ndjson' | 'csv';
}

const PAGE = 500;

/**
 * Searches what was decided, page by page.
 * @returns 0; 2 where a filter names what the gate does not know: nothing found would read as nothing there
 */
export async function runAuditSearch(
  { filters, most, format }: SearchOptions,
  calls: Pick<GateCalls, 'search' | 'policy' | 'rules'>,
  terminal: Terminal,
  nowMs: number,
): Promise<number> {
  const query = queryOf(filters, nowMs);
  if (format === 'csv') terminal.say(CSV_HEADER.trimEnd());
  const rows: RecordedDecision[] = [];
  let found = 0;
  let cursor: string | null = null;
  do {
    const limit = String(Math.min(PAGE, (most ?? Infinity) - found));
    const page = await calls.search({ ...query, limit, ...(cursor !== null && { cursor }) });
    for (const item of page.items) {
      if (format === 'table') rows.push(item);
      else terminal.say(format === 'csv' ? csvLine(item).trimEnd() : JSON.stringify(item));
    }
    found += page.items.length;
    cursor = page.next;
    if (cursor !== null) terminal.progress?.(`${countOf(found, 'request')} so far …`);
  } while (cursor !== null && (most === undefined || found < most));
  if (found > PAGE) terminal.progress?.('');
  if (format === 'table') sayTable(rows, cursor !== null, terminal, nowMs);
  return found === 0 ? await sayUnknownNames(filters, calls, terminal) : exitCode.done;
}

function queryOf(filters: SearchOptions['filters'], nowMs: number): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, text] of Object.entries(filters)) {
    const option = `--${name.replaceAll('_', '-')}`;
    if (text.trim() === '') throw new UsageError(`${option} is blank: leave it out, or give it a value`);
    const value = name === 'since' || name === 'until' ? parseSince(text, nowMs) : text;
    if (value === undefined)
      throw new UsageError(
        `${option} is a time like 2026-11-22T15:04:05Z, or so long ago, like 30m, 2h or 7d, not ${quote(text)}`,
      );
    query[name] = value;
  }
  return query;
}

function sayTable(rows: readonly RecordedDecision[], more: boolean, terminal: Terminal, nowMs: number): void {
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
  for (const line of formatTable(columns, cells, terminal.width)) terminal.say(line);
  if (more) terminal.complain(`The newest ${rows.length} are shown; --all shows all, --limit N so many.`);
}

/** How many of the newest are looked at for names. */
const LOOKED_AT = 1000;

/**
 * Nothing was found: is there such an action, rule, principal at all? The gate lists its rules, and the actions that have limits. It
 * lists no principals, so of those only the ones that asked lately are known.
 */
async function sayUnknownNames(
  filters: SearchOptions['filters'],
  calls: Pick<GateCalls, 'search' | 'policy' | 'rules'>,
  terminal: Terminal,
): Promise<number> {
  const { action, principal, rule } = filters;
  if ((action ?? principal ?? rule) === undefined) return exitCode.done;
  const lately = (await calls.search({ limit: String(LOOKED_AT) })).items;
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
  if (rule !== undefined) look('rule', rule, await calls.rules(), true);
  if (action !== undefined) {
    const { limits } = await calls.policy().catch(() => ({ limits: undefined }));
    look('action', action, [...actionsOf(limits), ...lately.flatMap(one => one.action ?? [])], false);
  }
  look(
    'principal',
    principal,
    lately.map(one => one.principal),
    false,
  );
  return code;
}

function actionsOf(limits: unknown): string[] {
  if (typeof limits !== 'object' || limits === null || !('actions' in limits)) return [];
  return Object.keys(Object(limits.actions));
}
