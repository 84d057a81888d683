import type { Reason } from '../client/types.ts';
import { NOTHING_WAS_SENT } from '../kit/nothing-sent.ts';
import { listNames } from '../kit/text.ts';
import { showCount } from '../kit/units.ts';
import { inCommandWords } from './command-words.ts';
import { isUnderWay, NEVER_RECORDED, reasonsOf, type Decided } from './decision-exit.ts';
import type { GateConnection } from './gate-connection.ts';
import type { NextCommand } from './next-command.ts';
import { printable } from './printable.ts';
import { pageOf } from './say-problem.ts';
import { amount, sayMeasured } from './say-measured.ts';
import { sayFurtherRun, sayStage } from './say-stage.ts';
import { countOf, formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Where its pages are, and how its next steps are typed. */
type ForGate = Pick<GateConnection, 'url' | 'next'>;

/** Says a decision as a person reads it: what, and for a no where, how much over, what would pass, and the page of each rule. */
export function sayDecision(decided: Decided, { url, next }: ForGate, terminal: Terminal): void {
  const { paint } = terminal;
  const say = (line: string): void => terminal.say(line);
  const count = decided.targets?.count;
  const what = printable(
    `${decided.action ?? 'the request'}${count === undefined ? '' : ` of ${countOf(count, 'target')}`}`,
  );
  const reasons = reasonsOf(decided);
  say(headline(decided, what, terminal));
  for (const ofRule of byRule(reasons).values())
    for (const line of ruleLines(ofRule, { url, next }, terminal)) say(line);
  if (reasons.length === 0 && 'detail' in decided && typeof decided.detail === 'string')
    if (decided.detail !== decided.outcome?.detail) say(`  ${printable(decided.detail)}`);
  if (decided.outcome?.status === 'unknown' && !isUnderWay(decided.outcome))
    for (const line of [
      'Do not ask with a new key until that is known: it may be done twice. Then an operator says so, with --delivered or --refused,',
      "and with an operator's --key-file (and --cert and --cert-key, where the gate asks for them):",
      next(`settle ${printable(decided.id)} --delivered --reason "…"`, 'another'),
    ])
      say(`  ${line}`);
  for (const id of decided.exceptions ?? [])
    say(`  Under the exception ${printable(id)}: without it a limit refuses.`);
  if (decided.passes !== undefined)
    say(
      `  The first ${decided.passes === 1 ? 'target' : countOf(decided.passes, 'target')}, in order of their ids, would be allowed now.`,
    );
  // In flight it is no time at which anything ends, only one at which to look again: the remedy says what ends it.
  if (decided.retry_after_s !== undefined && !reasons.some(({ rule }) => rule === 'budget.in_flight'))
    say(`  The same request would pass in ${decided.retry_after_s} s, if nothing else is spent until then.`);
  if (decided.stage !== undefined) say(`  Rollout: ${sayStage(decided.stage)}.`);
  const furtherRun = sayFurtherRun(decided);
  if (furtherRun !== undefined) say(`  ${paint.yellow('A further run')}: ${furtherRun}.`);
  if (terminal.isPerson && decided.decision === 'allowed')
    for (const line of radiusLines(decided, terminal.width)) say(line);
  const asked = decided.mode === 'preflight' ? 'pre-flight' : 'request';
  say(
    paint.dim(
      reasons.some(({ rule }) => rule === NEVER_RECORDED)
        ? `not recorded, so that no search finds it: the log of the gate has this ${asked} as ${printable(decided.id)}`
        : `${asked} ${printable(decided.id)}`,
    ),
  );
}

function headline({ mode, decision, outcome }: Decided, what: string, { paint }: Terminal): string {
  if (decision !== 'allowed') {
    const word = decision === 'refused' ? 'refused' : 'could not tell';
    return `${paint.bold(paint.red(word))}: ${what}${mode === 'preflight' ? '' : '; nothing was done'}`;
  }
  if (mode === 'preflight') return `${paint.bold(paint.green('would be allowed'))}: ${what}`;
  const isAskedAgain = outcome?.status === 'unknown' && isUnderWay(outcome);
  const status = isAskedAgain ? 'asked again' : (outcome?.status ?? 'unknown');
  const detail = outcome?.detail ?? (outcome?.http_status === undefined ? '' : `HTTP ${outcome.http_status}`);
  const isUnsent = status === 'refused' && outcome?.http_status === undefined && detail.startsWith(UNSENT);
  const how = isUnsent ? detail.slice(UNSENT.length) : detail;
  const more = how === '' ? '' : ` (${printable(how.replace(/\.$/, '').replace(/^The /, 'the '))})`;
  if (status === 'pending' && outcome?.attempts === 0)
    return `${paint.bold(paint.yellow('allowed, and not sent yet: it waits for a place at its executor'))}: ${what}`;
  const said = `${isUnsent ? 'allowed, but not sent to its executor' : (words[status] ?? `allowed, and ${printable(status)}`)}${more}`;
  return `${paint.bold(status === 'delivered' ? paint.green(said) : paint.yellow(said))}: ${what}`;
}

/** What was never sent is `refused` too, for its targets are free again; but its executor refused nothing, and never heard of it. */
const UNSENT = `${NOTHING_WAS_SENT}: `;

const words: Readonly<Record<string, string>> = {
  delivered: 'done',
  pending: 'allowed and sent; what became of it is not known yet',
  'asked again': 'allowed; nobody knows what an attempt did, and its executor is asked again',
  refused: 'allowed, and refused by its executor',
  unknown: 'allowed; nobody knows whether it was done, and its targets stay taken until that is settled',
  stopped: 'allowed, and stopped before anything was sent',
};

/** Reasons of one rule that are said whole. A set may meet thousands: the values of the others are enough. */
const MOST_WHOLE = 5;
const MOST_NAMED = 20;

function byRule(reasons: readonly Reason[]): ReadonlyMap<string, readonly Reason[]> {
  const rules = new Map<string, Reason[]>();
  for (const reason of reasons) rules.set(reason.rule, [...(rules.get(reason.rule) ?? []), reason]);
  return rules;
}

function ruleLines(reasons: readonly Reason[], { url, next }: ForGate, terminal: Terminal): string[] {
  const rest = reasons.slice(MOST_WHOLE);
  const values = rest.flatMap(({ dimension, value }) =>
    value === undefined ? [] : [`${dimension === undefined ? '' : `${dimension} `}${value}`],
  );
  const named = values.length === 0 ? '' : `: ${listNames(values, MOST_NAMED)}`;
  const [first] = reasons;
  return [
    ...reasons.slice(0, MOST_WHOLE).flatMap(reason => reasonLines(reason, next, terminal)),
    ...(rest.length === 0
      ? []
      : [`   … and ${countOf(rest.length, 'more reason')} of this rule${printable(named)} (--json has all)`]),
    ...(first === undefined ? [] : [`   = see ${pageOf(first.rule, url)}`]),
  ];
}

function reasonLines(reason: Reason, next: NextCommand, { paint }: Terminal): string[] {
  const place = [reason.dimension, reason.value, reason.pointer].filter(part => part !== undefined).join(' ');
  const measured = sayMeasured(reason);
  const detail = [
    ...(place === '' ? [] : [`  --> ${printable(place)}`]),
    ...(reason.request === undefined ? [] : [`   = in the way: request ${printable(reason.request)}`]),
    ...(measured === undefined ? [] : [`   = ${printable(measured)}`]),
    ...(reason.remedy === undefined
      ? []
      : [`   = ${paint.green('would pass')}: ${printable(inCommandWords(reason.remedy, next))}`]),
  ];
  return [`${paint.red(`no[${printable(reason.rule)}]`)}: ${printable(reason.message)}`, ...detail];
}

/** Of one dimension. A set may touch thousands of racks. */
const MOST_ROWS = 10;

const INDENT = '  ';

/** Of the fleet a weight says how many targets lack it. */
export const sayWeight = (name: string, missing = 0): string =>
  missing === 0 ? name : `${name} (${countOf(missing, 'target')} without)`;

/** Of nothing there is no share. */
const shareOf = (ppm: number | undefined): string => (ppm === undefined ? '' : amount(ppm, 'ppm'));

/** What it takes out of each dimension, as a table. */
function radiusLines({ blast_radius: radius }: Decided, width: number | undefined): string[] {
  if (radius === undefined) return [];
  const columns = [
    { title: '' },
    { title: '', shrinks: true },
    { title: 'TAKEN', align: 'right' },
    { title: 'OF', align: 'right' },
    { title: 'SHARE', align: 'right' },
  ] as const;
  const rows = Object.entries(radius).flatMap(([dimension, parts]) => {
    const all = Array.isArray(parts) ? parts : [{ ...parts, value: 'all' }];
    const shown = all
      .slice(0, MOST_ROWS)
      .flatMap(({ value, count, total, share_ppm: share, weights = {} }) => [
        [dimension, value, count, total, shareOf(share)],
        ...Object.entries(weights).map(([name, weighed]) => [
          dimension,
          `${value}, ${sayWeight(name, weighed.missing)}`,
          weighed.weight,
          weighed.total,
          shareOf(weighed.share_ppm),
        ]),
      ]);
    const rest = all.length - MOST_ROWS;
    return rest <= 0 ? shown : [...shown, [dimension, `and ${showCount(rest)} more`]];
  });
  const room = width === undefined ? undefined : width - INDENT.length;
  return formatTable(columns, rows, room).map(line => INDENT + line);
}
