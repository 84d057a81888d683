import type { Budgets, Policy } from '../client/types.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { listNames } from '../kit/text.ts';
import { jsonLine, printable } from './printable.ts';
import { indented, limitLines, roomOf, showSelector } from './limit-lines.ts';
import { exceptionLines, freezeLines, profileLines, unnamedLines, warningLines } from './policy-lines.ts';
import { countOf, formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showDuration } from './times.ts';
import { wrap } from './wrap.ts';

/** The policy revision of a gate, its limits, and how full each budget is. */
export async function runPolicyShow(
  json: boolean,
  calls: Pick<GateCalls, 'policy' | 'budgets'>,
  terminal: Terminal,
): Promise<number> {
  const [policy, budgets] = await Promise.all([calls.policy(), calls.budgets()]);
  if (json) {
    terminal.say(jsonLine({ ...policy, budgets: budgets.items }));
    return exitCode.done;
  }
  const sections = [
    sayRevision(policy, terminal.width),
    ['', 'Limits', ...limitLines(policy.limits, terminal.width)],
    ...sectionOf('Profiles', profileLines(policy.profiles, terminal.width)),
    ...sectionOf('Warnings', warningLines(policy.gaps, terminal.width)),
    ...sectionOf('Dimensions that are declared', unnamedLines(policy.gaps, terminal.width)),
    ['', 'Protected', ...protectedLines(policy, terminal.width)],
    ...sectionOf('Freezes', freezeLines(policy.freezes, terminal.width)),
    ...sectionOf('Exceptions', exceptionLines(policy.exceptions, terminal.width)),
    ['', 'Budgets now', ...budgetLines(budgets, terminal.width)],
  ];
  for (const line of sections.flat()) terminal.say(line);
  return exitCode.done;
}

/** What there is none of needs no heading. */
const sectionOf = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines];

function sayRevision({ revision, active, bundle, checks }: Policy, width: number | undefined): string[] {
  const names = checks.map(({ name, idle }) => printable(name) + (idle ? ' (idle)' : ''));
  const isIdle = checks.some(({ idle }) => idle);
  return [
    `Revision ${revision}, ${active ? 'active' : 'NOT ACTIVE: this gate answers 503 policy.stale'}`,
    `Bundle ${printable(bundle.digest)}`,
    `${countOf(checks.length, 'check')}: ${names.join(', ')}`,
    ...(isIdle ? ['Idle: no limit names it, so it refuses nothing.'] : []),
  ].flatMap(line => wrap(line, width));
}

/** Of the ids of one entry that are no target's. */
const MOST_NAMED = 20;

function protectedLines({ protected: entries }: Policy, width: number | undefined): string[] {
  const columns = [
    { title: '#', align: 'right' },
    { title: 'KIND' },
    { title: 'WHAT', shrinks: true },
    { title: 'MATCHES', align: 'right' },
  ] as const;
  const rows = entries.map((entry, at) => [
    at + 1,
    entry.kind,
    'ids' in entry ? entry.ids.join(', ') : showSelector(entry.selector),
    entry.matches,
  ]);
  if (rows.length === 0) return ['  none'];
  const empty = entries.some(({ matches }) => matches === 0);
  const note = empty ? ['  An entry that matches 0 targets guards nothing now: is its name right?'] : [];
  const missing = entries.flatMap((entry, at) =>
    entry.matches > 0 && 'missing' in entry && entry.missing !== undefined
      ? [`Of #${at + 1} no target, and guarding nothing: ${printable(listNames(entry.missing, MOST_NAMED))}`]
      : [],
  );
  const room = roomOf(width);
  return [
    ...indented(formatTable(columns, rows, room)),
    ...note,
    ...indented(missing.flatMap(line => wrap(line, room))),
  ];
}

function budgetLines({ items }: Budgets, width: number | undefined): string[] {
  const columns = [
    { title: 'ACTION' },
    { title: 'RULE' },
    { title: 'PER' },
    { title: 'VALUE', shrinks: true },
    { title: 'OVER' },
    { title: 'USED', align: 'right' },
    { title: 'LIMIT', align: 'right' },
    { title: 'FULL', align: 'right' },
    { title: 'UNIT' },
  ] as const;
  const rows = items.map(({ action, rule, per, value, over_s: overS, used, limit, unit, weight }) => [
    action ?? '(all)',
    rule,
    per,
    value === per ? undefined : value,
    overS === null ? 'at once' : showDuration(overS),
    used,
    limit,
    limit === 0 ? '100%' : `${Math.floor((used / limit) * 100)}%`,
    weight === undefined ? unit : `weight ${weight}`,
  ]);
  return rows.length === 0 ? ['  none is in use'] : indented(formatTable(columns, rows, roomOf(width)));
}
