import { printable } from '../printable.ts';
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

export function lookAtSwitches(gauges: Gauges): Finding[] {
  const { ok, warn, unknown } = findingsOf('kill switch');
  const told = allOf(gauges, 'kill_switch_engaged');
  if (told.length === 0)
    return [unknown('the gate does not tell what is engaged', 'interlock kill status tells')];
  const engaged = told.filter(([, value]) => value !== 0);
  if (engaged.length === 0) return [ok('none is engaged')];
  return engaged.map(([name]) =>
    warn(`engaged ${printable(name.slice(name.indexOf('{')))}`, 'interlock kill status says by whom and why'),
  );
}

/** What the store would tell, had it been looked into. */
export function lookAtStore(gauges: Gauges): Finding[] {
  const outcomes = findingsOf('outcomes');
  const written = gauges.get('interlock_checkpoints_written');
  const told = allOf(gauges, 'operations');
  if (told.length === 0)
    return [outcomes.unknown('the gate does not tell its outcomes', 'interlock audit search tells')];
  const inState = (state: string): number =>
    told.reduce((sum, [name, value]) => sum + (name.includes(`state="${state}"`) ? value : 0), 0);
  return [
    sayOutcomes(inState('unknown'), inState('accepted')),
    ...(written === 0
      ? [
          findingsOf('checkpoints').warn(
            'the gate cannot write them: the audit trail is not anchored',
            'its log says why: the disk is full, the file is not its to write, or the database was away; then it is tried again within a minute',
          ),
        ]
      : []),
  ];
}

/** @param accepted by their executors, which have not reported yet; undefined where that was not counted */
export function sayOutcomes(count: number, accepted?: number): Finding {
  const { ok, warn } = findingsOf('outcomes');
  const pending =
    accepted === undefined || accepted === 0
      ? ''
      : `; ${countOf(accepted, 'request')} accepted by an executor that has not reported yet`;
  return count === 0
    ? ok(`none is unknown${pending}`)
    : warn(
        `${countOf(count, 'request')} of which nobody knows the outcome, and the targets stay taken${pending}`,
        'interlock audit search --outcome unknown, then interlock settle each (docs/on-call.md)',
      );
}
