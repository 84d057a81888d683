import { KILL_FILE } from '../../metrics/switches.ts';
import type { NextCommand } from '../next-command.ts';
import { showScope } from '../show-scope.ts';
import { countOf } from '../table.ts';
import { showDuration } from '../times.ts';
import { findingsOf, type Finding } from './finding.ts';

/** The numbers of /metrics that are looked at, by their whole name. */
export type Gauges = ReadonlyMap<string, number>;

const LOOKED_AT =
  /^interlock_(inventory_age_seconds\{|kill_switch_engaged\{|operations\{|checkpoints_written(\{| ))/;

/** What cannot be read is not there. */
export async function readGauges(
  url: string,
  timeoutMs: number,
  ask: typeof globalThis.fetch,
): Promise<Gauges> {
  try {
    const answer = await ask(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    const lines = (await answer.text()).split('\n');
    return new Map(
      lines
        .filter(line => LOOKED_AT.test(line))
        .map(line => {
          const space = line.lastIndexOf(' ');
          return [line.slice(0, space), Number(line.slice(space + 1))] as const;
        }),
    );
  } catch {
    return new Map();
  }
}

export function ageOf(kind: string, gauges: Gauges): string {
  const ageS = gauges.get(`interlock_inventory_age_seconds{kind="${kind}"}`);
  return ageS === undefined ? ': fresh enough' : `: read ${showDuration(ageS)} ago`;
}

/** What there is of one gauge; none of it is no zero. */
const allOf = (gauges: Gauges, name: string): readonly (readonly [string, number])[] =>
  [...gauges].filter(([whole]) => whole.startsWith(`interlock_${name}{`));

const SCOPE = /\{scope="(.*)"\}$/;

/** A label of Prometheus, as `kill` says what it stops: `action:disk.wipe` is action disk.wipe. */
function scopeIn(name: string): string {
  const escaped = SCOPE.exec(name)?.[1] ?? name;
  const scope = escaped.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
  if (scope === KILL_FILE) return 'everything, by the kill file';
  const at = scope.indexOf(':');
  return showScope(at < 0 ? {} : { dimension: scope.slice(0, at), value: scope.slice(at + 1) });
}

export function lookAtSwitches(gauges: Gauges, next: NextCommand): Finding[] {
  const { ok, warn, unknown } = findingsOf('kill switch');
  const told = allOf(gauges, 'kill_switch_engaged');
  if (told.length === 0)
    return [unknown('the gate does not tell what is engaged', `${next('kill status')} tells`)];
  const engaged = told.filter(([, value]) => value !== 0);
  if (engaged.length === 0) return [ok('none is engaged')];
  return engaged.map(([name]) =>
    warn(`engaged for ${scopeIn(name)}`, `${next('kill status')} says by whom and why`),
  );
}

/** What the store would tell, had it been looked into. */
export function lookAtStore(gauges: Gauges, next: NextCommand): Finding[] {
  const outcomes = findingsOf('outcomes');
  const written = gauges.get('interlock_checkpoints_written');
  const told = allOf(gauges, 'operations');
  if (told.length === 0)
    return [outcomes.unknown('the gate does not tell its outcomes', `${next('audit search')} tells`)];
  const inState = (state: string): number =>
    told.reduce((sum, [name, value]) => sum + (name.includes(`state="${state}"`) ? value : 0), 0);
  return [
    sayOutcomes(next, inState('unknown'), inState('accepted')),
    ...(written === 0
      ? [
          findingsOf('checkpoints').warn(
            'the gate cannot write them: the audit trail is not anchored',
            'its log says why: the disk is full, it may not write the file, or the database was away; then it is tried again within a minute',
          ),
        ]
      : []),
  ];
}

/** @param accepted by their executors, which have not reported yet; undefined where that was not counted */
export function sayOutcomes(next: NextCommand, count: number, accepted?: number): Finding {
  const { ok, warn } = findingsOf('outcomes');
  const pending =
    accepted === undefined || accepted === 0
      ? ''
      : `; ${countOf(accepted, 'request')} accepted by an executor that has not reported yet`;
  return count === 0
    ? ok(`none is unknown${pending}`)
    : warn(
        `${countOf(count, 'request')} of which nobody knows the outcome, and the targets stay taken${pending}`,
        `${next('audit search --outcome unknown')} names them; then each: ${next('settle ID --delivered --reason "…"', 'another')}, or --refused (docs/on-call.md)`,
      );
}
