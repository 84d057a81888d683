import type { Evidence, Seen } from '../client/types.ts';
import { UsageError } from '../config/environment.ts';
import { isBlank } from '../kit/text.ts';
import { readArtifact } from './carried-options.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { jsonLine, printable } from './printable.ts';
import { sendOnce } from './send-once.ts';
import { formatTable, newestShown } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showAgo } from './times.ts';
import { isReaderGone } from './watch-output.ts';

export interface PostOptions extends Seen {
  readonly json: boolean;
}

/**
 * Says what was seen of an artifact.
 * @returns 0 when it is recorded, whatever it says
 * @throws UsageError for what looks like a variable that was not set: evidence of a value must not become evidence of the whole
 */
export async function runEvidencePost(
  { json, ...seen }: PostOptions,
  calls: Pick<GateCalls, 'postEvidence' | 'next'>,
  terminal: Terminal,
): Promise<number> {
  const { name, dimension, value } = seen;
  const end = 'Nothing was recorded';
  const artifact = readArtifact('the artifact', seen.artifact);
  if (isBlank(name)) throw new UsageError(`the evidence has a name, like canary. ${end}`);
  if ((dimension === undefined) !== (value === undefined))
    throw new UsageError(`--dimension and --value belong together. ${end}`);
  if ([dimension, value].some(text => text !== undefined && isBlank(text)))
    throw new UsageError(`--dimension and --value are not blank: leave both out for the whole. ${end}`);
  const recorded = await sendOnce(
    async signal => await calls.postEvidence({ ...seen, artifact }, { signal }),
    {
      untold: `It is not known whether it is recorded: ${calls.next(`evidence list --artifact ${artifact}`)} tells. Saying it again does no harm.`,
      terminal,
    },
  );
  if (json) terminal.say(jsonLine(recorded));
  else
    terminal.say(
      printable(
        `Recorded: ${recorded.name} ${recorded.status} of ${ofValue(recorded) ?? 'the whole'}, as entry ${recorded.seq} of the audit trail. Requests by ${recorded.by} itself do not see it.`,
      ),
    );
  for (const warning of recorded.warnings ?? []) terminal.complain(printable(`warning: ${warning}`));
  return exitCode.done;
}

const ofValue = ({ dimension, value }: Pick<Evidence, 'dimension' | 'value'>): string | undefined =>
  dimension === undefined || value === undefined ? undefined : `${dimension}=${value}`;

export interface ListOptions {
  readonly artifact?: string;
  /** So many, the newest; undefined for all there are. */
  readonly most: number | undefined;
  readonly json: boolean;
}

/** What was seen, the newest first: a table, or as JSON a line each. */
export async function runEvidenceList(
  { artifact, most, json }: ListOptions,
  calls: Pick<GateCalls, 'evidence'>,
  terminal: Terminal,
  nowMs: number,
): Promise<number> {
  const filters = artifact === undefined ? {} : { artifact: readArtifact('--artifact', artifact) };
  // One more than is shown tells whether there is more.
  const items = await calls.evidence(filters, most === undefined ? {} : { limit: most + 1 });
  const rows: Evidence[] = [];
  let found = 0;
  for await (const item of items) {
    found += 1;
    if ((most !== undefined && found > most) || isReaderGone()) break;
    if (json) terminal.say(jsonLine(item));
    else rows.push(item);
  }
  if (!json) sayTable(rows, artifact, terminal, nowMs);
  if (most !== undefined && found > most && !isReaderGone()) terminal.complain(newestShown(most, 'entry'));
  return exitCode.done;
}

function sayTable(
  rows: readonly Evidence[],
  artifact: string | undefined,
  terminal: Terminal,
  nowMs: number,
): void {
  if (rows.length === 0) {
    terminal.say(artifact === undefined ? 'There is no evidence.' : 'There is no evidence of this artifact.');
    return;
  }
  const columns = [
    { title: 'SEEN' },
    { title: 'NAME' },
    { title: 'STATUS' },
    { title: 'WHERE', shrinks: true },
    { title: 'BY', shrinks: true },
    // Of one artifact it would say the same in each line.
    ...(artifact === undefined ? [{ title: 'ARTIFACT', shrinks: true } as const] : []),
  ] as const;
  const cells = rows.map(one => [
    ...[showAgo(one.at, nowMs), one.name, one.status, ofValue(one) ?? 'the whole', one.by],
    ...(artifact === undefined ? [one.artifact] : []),
  ]);
  for (const line of formatTable(columns, cells, terminal.width)) terminal.say(line);
}
