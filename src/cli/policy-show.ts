import type { Budgets, Policy } from '../client/types.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { printable } from './printable.ts';
import { indented, limitLines, roomOf, showSelector, showValue } from './limit-lines.ts';
import { countOf, formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showDuration } from './times.ts';

/** The policy revision of a gate, its limits, and how full each budget is. */
export async function runPolicyShow(
  json: boolean,
  calls: Pick<GateCalls, 'policy' | 'budgets'>,
  terminal: Terminal,
): Promise<number> {
  const [policy, budgets] = await Promise.all([calls.policy(), calls.budgets()]);
  if (json) {
    terminal.say(JSON.stringify({ ...policy, budgets: budgets.items }));
    return exitCode.done;
  }
  const sections = [
    sayRevision(policy),
    ['', 'Limits', ...limitLines(policy.limits, terminal.width)],
    ...profileSections(policy),
    ['', 'Protected', ...protectedLines(policy, terminal.width)],
    ...freezeSections(policy, terminal.width),
    ...exceptionSections(policy, terminal.width),
    ['', 'Budgets now', ...budgetLines(budgets, terminal.width)],
  ];
  for (const line of sections.flat()) terminal.say(line);
  return exitCode.done;
}

function sayRevision({ revision, active, checks }: Policy): string[] {
  const idle = checks.filter(check => check.idle).map(({ name }) => printable(name));
  return [
    `Revision ${revision}, ${active ? 'active' : 'NOT ACTIVE: this gate answers 503 policy.stale'}`,
    `${countOf(checks.length, 'check')}: ${checks.map(({ name, idle: is }) => printable(name) + (is ? ' (idle)' : '')).join(', ')}`,
    ...(idle.length === 0 ? [] : ['Idle: no limit names it, so it refuses nothing.']),
  ];
}

/** Which entries stand on a profile, and what of it has no ground and limits nothing. */
function profileSections({ profiles }: Policy): string[][] {
  if (profiles.length === 0) return [];
  const lines = profiles.flatMap(({ action, profile, idle }) => [
    `  ${printable(action)} is like ${printable(profile)}`,
    ...idleLines(idle),
  ]);
  return [['', 'Profiles', ...lines]];
}

/** What is idle for the same reason stands in one line: a label that is missing takes several limits with it. */
function idleLines(idle: Policy['profiles'][number]['idle']): string[] {
  const keys = new Map<string, string[]>();
  for (const { key, why } of idle) keys.set(why, [...(keys.get(why) ?? []), key]);
  return [...keys].map(([why, of]) => `    idle, as ${printable(why)}: ${printable(of.join(', '))}`);
}

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
  return [...indented(formatTable(columns, rows, roomOf(width))), ...note];
}

const freezeWords = { in_force: 'IN FORCE', to_come: 'to come', over: 'over' } as const;

function freezeSections({ freezes }: Policy, width: number | undefined): string[][] {
  if (freezes.length === 0) return [];
  const columns = [
    { title: 'STATUS' },
    { title: 'ACTIONS' },
    { title: 'FROM' },
    { title: 'UNTIL' },
    { title: 'EXCEPT' },
    { title: 'REASON', shrinks: true },
  ] as const;
  const rows = freezes.map(({ status, actions, from, until, except, reason }) => [
    freezeWords[status],
    actions.join(', '),
    from,
    until ?? 'no end',
    except?.join(', '),
    reason,
  ]);
  return [['', 'Freezes', ...indented(formatTable(columns, rows, roomOf(width)))]];
}

const exceptionWords = { in_force: 'in force', used_up: 'USED UP', over: 'OVER' } as const;

function exceptionSections({ exceptions }: Policy, width: number | undefined): string[][] {
  if (exceptions.length === 0) return [];
  const columns = [
    { title: 'STATUS' },
    { title: 'ID' },
    { title: 'ACTION' },
    { title: 'LIMIT' },
    { title: 'FOR' },
    { title: 'UNTIL' },
    { title: 'USED', align: 'right' },
    { title: 'LEFT', align: 'right' },
    { title: 'OWNER', shrinks: true },
    { title: 'TICKET', shrinks: true },
  ] as const;
  const rows = exceptions.map(one => [
    exceptionWords[one.status],
    one.id,
    one.action,
    showValue(one.set),
    one.principal ?? showSelector(one.selector ?? {}),
    one.until,
    one.used,
    one.left,
    one.owner,
    one.ticket,
  ]);
  return [['', 'Exceptions', ...indented(formatTable(columns, rows, roomOf(width)))]];
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
  const rows = items.map(({ action, rule, per, value, over_s: overS, used, limit, unit }) => [
    action ?? '(all)',
    rule,
    per,
    value === per ? undefined : value,
    overS === null ? 'at once' : showDuration(overS),
    used,
    limit,
    limit === 0 ? '100%' : `${Math.floor((used / limit) * 100)}%`,
    unit,
  ]);
  return rows.length === 0 ? ['  none is in use'] : indented(formatTable(columns, rows, roomOf(width)));
}
