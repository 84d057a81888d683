import type { RecordedDecision } from '../client/types.ts';
import { showCount, writeShare } from '../kit/units.ts';
import { exitCode } from './exit-code.ts';
import { findId, isWholeId, refuseOddId } from './find-id.ts';
import type { GateCalls } from './gate-calls.ts';
import type { NextCommand } from './next-command.ts';
import { jsonLine, printable } from './printable.ts';
import { sayWeight } from './say-decision.ts';
import { sayFurtherRun, sayStage } from './say-stage.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showAgo, showDuration } from './times.ts';

/** @returns 0: what the decision was is the answer, not the end of this command */
export async function runAuditShow(
  id: string,
  json: boolean,
  calls: Pick<GateCalls, 'one' | 'search' | 'next'>,
  terminal: Terminal,
  nowMs: number,
): Promise<number> {
  const one = await calls.one(await findRequest(id, calls));
  if (json) terminal.say(jsonLine(one));
  else for (const line of linesOf(one, nowMs, calls.next)) terminal.say(printable(line));
  return exitCode.done;
}

/** So many of the newest are looked at for an id of which only the beginning is given. */
const LOOKED_AT = 1000;

/** A whole id, or the beginning of one of the newest, if it is the only one. @throws UsageError */
export async function findRequest(given: string, calls: Pick<GateCalls, 'search'>): Promise<string> {
  if (isWholeId(given)) return given;
  const end = 'Give the whole id';
  refuseOddId(given, end);
  const ids: string[] = [];
  for await (const { id } of await calls.search({}, { limit: LOOKED_AT })) ids.push(id);
  return findId(given, ids, {
    one: `request among the newest ${showCount(LOOKED_AT)}`,
    many: 'requests',
    listed: 'the newest are',
    none: 'nothing was asked yet',
    end,
  });
}

const field = (name: string, text: string | undefined): string[] =>
  text === undefined ? [] : [`${`${name}:`.padEnd(12)} ${text}`];

const linesOf = (one: RecordedDecision, nowMs: number, next: NextCommand): string[] => [
  `${one.mode} ${one.id}`,
  ...field('decision', `${one.decision} (${one.status})`),
  ...field('decided', `${one.decided_at} (${showAgo(one.decided_at, nowMs)})`),
  ...askedLines(one),
  ...radiusOf(one),
  ...field('stage', one.stage && sayStage(one.stage)),
  ...field('further run', sayFurtherRun(one)),
  ...field(
    'inventory',
    one.inventory && `revision ${one.inventory.revision}, read ${showDuration(one.inventory.age_s)} before`,
  ),
  ...field('policy', one.policy?.revision),
  ...one.reasons.flatMap(({ rule, message, remedy }) => [
    `  ✗ ${rule}: ${message}`,
    ...(remedy === undefined ? [] : [`    → ${remedy}`]),
  ]),
  ...field('exception', one.exceptions?.join(', ')),
  ...field('would pass', one.passes === undefined ? undefined : `the first ${countOf(one.passes, 'target')}`),
  ...field('outcome', outcomeOf(one, nowMs)),
  ...whereContradicted(one, next),
];

/** What the request said. */
const askedLines = (one: RecordedDecision): string[] => [
  ...field('action', one.action),
  ...field(
    'principal',
    one.on_behalf_of === undefined ? one.principal : `${one.principal}, on behalf of ${one.on_behalf_of}`,
  ),
  ...field('reason', one.reason),
  ...field('ticket', one.ticket),
  ...field('idempotency', one.idempotency_key),
  ...field('targets', one.targets && `${showCount(one.targets.count)} (${one.targets.digest})`),
  ...field('selector', one.selector && JSON.stringify(one.selector)),
  ...field('asserts', one.asserts && JSON.stringify(one.asserts)),
  ...field('artifact', one.artifact),
  ...field('plan', one.plan && `${one.plan.name}, generation ${one.plan.generation}`),
  ...field('effects', one.effects && effectsOf(one.effects)),
  ...field('parameters', one.parameters && JSON.stringify(one.parameters)),
];

function outcomeOf({ outcome }: RecordedDecision, nowMs: number): string | undefined {
  if (outcome === undefined) return undefined;
  const settled = outcome.settled_at === undefined ? '' : `, ${showAgo(outcome.settled_at, nowMs)}`;
  const why = [outcome.rule, outcome.detail].filter(text => text !== undefined).join(': ');
  const by = outcome.by === undefined ? '' : ` by ${outcome.by}`;
  const unsent = outcome.status === 'pending' && outcome.attempts === 0 ? ', not sent yet' : '';
  const again = outcome.tries_again === true ? ', and its executor is asked again' : '';
  return `${outcome.status}${unsent}${again}${by}${settled}${attemptsOf(outcome.attempts)}${why === '' ? '' : `: ${why}`}`;
}

/** A report that came later and changed nothing is in the trail alone, and nothing finds it there without reading all of it. */
const whereContradicted = ({ id, outcome }: RecordedDecision, next: NextCommand): string[] =>
  outcome?.status === 'delivered' || outcome?.status === 'refused'
    ? [
        ...field(
          'reports',
          'one that contradicts this would be in the audit trail only, which auditors read:',
        ),
        `  ${next('audit export')} | jq -c 'select(.type == "outcome" and .body.request == "${id}") | {at} + .body'`,
      ]
    : [];

const attemptsOf = (attempts: number | undefined): string =>
  attempts === undefined || attempts < 2 ? '' : `, after ${countOf(attempts, 'attempt')}`;

const effectsOf = (effects: NonNullable<RecordedDecision['effects']>): string =>
  Object.entries(effects)
    .map(([name, { before, after }]) => `${name} ${showCount(before)} → ${showCount(after)}`)
    .join(', ');

/** Values of one dimension that are listed. */
const LISTED = 5;

type Radius = NonNullable<RecordedDecision['blast_radius']>['fleet'];

/** In targets, and in each weight. */
function shareOf({ count, total, share_ppm: sharePpm, weights = {} }: Radius): string {
  const share = (taken: number, all: number, ppm: number | undefined): string =>
    `${showCount(taken)} of ${showCount(all)}${ppm === undefined ? '' : ` (${writeShare(ppm)})`}`;
  return [
    share(count, total, sharePpm),
    ...Object.entries(weights).map(
      ([name, one]) => `${sayWeight(name, one.missing)} ${share(one.weight, one.total, one.share_ppm)}`,
    ),
  ].join(', by ');
}

function radiusOf({ blast_radius: radius }: RecordedDecision): string[] {
  if (radius === undefined) return [];
  const { fleet, ...dimensions } = radius;
  const lines = field('radius', shareOf(fleet));
  for (const [dimension, values] of Object.entries(dimensions)) {
    // The type says that each member may be the fleet; only that one is no list.
    if (!Array.isArray(values)) continue;
    const shown = values.slice(0, LISTED).map(one => `${one.value} ${shareOf(one)}`);
    const rest = values.length > LISTED ? ` and ${showCount(values.length - LISTED)} more` : '';
    lines.push(`  ${dimension}: ${shown.join(', ')}${rest}`);
  }
  return lines;
}
