import type { ChainReport, GivenUp } from '../audit/verify-chain.ts';
import type { RowFinding } from '../audit/verify-queries.ts';
import { exitCode } from './exit-code.ts';
import { jsonLine } from './printable.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';

/** All that a verification found. */
export interface Verified {
  readonly report: ChainReport;
  readonly rows: readonly RowFinding[];
  readonly checkpointProblems: readonly string[];
  readonly notes: readonly string[];
}

interface Finding {
  readonly table: string;
  readonly message: string;
  readonly how?: string;
  readonly seq?: number;
}

/** Says what was found. @returns the exit code */
export function sayVerified(verified: Verified, json: boolean, terminal: Terminal): number {
  const findings = findingsOf(verified);
  if (json) terminal.say(jsonLine(asJson(verified, findings)));
  else sayIt(verified, findings, terminal);
  return findings.length === 0 ? exitCode.done : exitCode.refused;
}

const findingsOf = ({ report, rows, checkpointProblems }: Verified): Finding[] => [
  ...(report.finding === undefined ? [] : [{ table: 'entries', ...report.finding }]),
  ...checkpointProblems.map(message => ({ table: 'checkpoints', message })),
  ...rows,
];

function asJson({ report, notes }: Verified, findings: readonly Finding[]): object {
  const { entries, firstAt, lastAt, head, anchor, givenUp } = report;
  return {
    verdict: findings.length === 0 ? 'whole' : 'tampered',
    entries,
    from: firstAt ?? null,
    to: lastAt ?? null,
    head,
    anchored: anchor === undefined ? null : { seq: anchor.seq, hash: anchor.hash, at: anchor.at },
    given_up: givenUp,
    findings,
    notes,
  };
}

function sayIt({ report, notes }: Verified, findings: readonly Finding[], terminal: Terminal): void {
  const { entries, firstAt, lastAt, head, finding, endGivenUp } = report;
  // All hashes may fit to the end, and a checkpoint say that it was made anew from here on.
  const wholeTo = finding === undefined ? head.seq : Math.min(head.seq, finding.seq - 1);
  const span = firstAt === undefined || lastAt === undefined ? '' : `, from ${firstAt} to ${lastAt}`;
  if (findings.length === 0) terminal.say(`Whole: ${countOf(entries, 'entry')}${span}.`);
  else terminal.say(`Tampered with: ${countOf(findings.length, 'finding')}.`);
  for (const { message } of findings) terminal.say(`  ${message}`);
  if (findings.length > 0)
    terminal.say(
      `Whole up to entry ${wholeTo}${wholeTo === head.seq ? span : ''}; ${countOf(entries, 'entry')} in all.`,
    );
  if (wholeTo === head.seq) terminal.say(`Head: ${head.seq} ${head.hash}`);
  terminal.say(anchorLine(report));
  for (const one of report.givenUp) terminal.say(givenUpLine(one));
  if (endGivenUp !== undefined)
    terminal.say(
      `What is shown of it from entry ${endGivenUp.entry + 1} on is that history: nothing that was not given up vouches for it.`,
    );
  for (const note of notes) terminal.complain(note);
}

/** No finding, and not nothing: whoever looks on knows whether anybody was to step back then. */
const givenUpLine = ({ checkpoints, entry, at }: GivenUp): string =>
  `${countOf(checkpoints, 'checkpoint')} of a history that was given up at entry ${entry} by a signed step back at ${at}.`;

function anchorLine({ anchor, head }: ChainReport): string {
  if (anchor === undefined)
    return 'Not anchored: no signed checkpoint vouches for it. Whoever can write the store could have made it anew, or cut its end.';
  const after = head.seq - anchor.seq;
  const rest = after === 0 ? 'its head' : `entry ${anchor.seq}; ${countOf(after, 'entry')} came after it`;
  return `Anchored by the checkpoint of ${anchor.at}: ${rest}.`;
}
