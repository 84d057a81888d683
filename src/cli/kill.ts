import { existsSync } from 'node:fs';
import { NoAnswerError } from '../client/errors.ts';
import type { EngagedSwitch, RecordedDecision, Scope, Switches } from '../client/types.ts';
import { NoGateError } from '../config/client-settings.ts';
import { configFileOf, UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { nearestName } from '../kit/text.ts';
import { exitCode, exitCodeOfNo } from './exit-code.ts';
import { findId, isWholeId } from './find-id.ts';
import { connectCalls, type GateCalls } from './gate-calls.ts';
import { gateOf, type GateOptions } from './gate-connection.ts';
import { printable } from './printable.ts';
import { readAddress } from './read-address.ts';
import { readKillFile, type KillFile } from './read-kill-file.ts';
import { Interrupted } from './interrupt.ts';
import { ruleOf, SaidNo } from './said-no.ts';
import { sendOnce } from './send-once.ts';
import { sayProblem } from './say-problem.ts';
import { countOf, fitTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showAgo } from './times.ts';
import { isForTheUser } from './for-the-user.ts';

export interface KillOptions extends Omit<GateOptions, 'json'> {
  /** Words that are none of its commands. */
  readonly what: readonly string[];
  readonly action?: string;
  readonly dimension?: string;
  readonly value?: string;
  readonly except?: readonly string[];
  readonly reason?: string;
  /** Whose kill file is named if the gate does not answer. */
  readonly config?: string;
  readonly json: boolean;
}

/**
 * Engages the switch, at once and without a question. A scope that is half said engages nothing: whoever meant a region must
 * not stop the world by a variable that was not set.
 * @returns 0 when it is engaged; 3 when that cannot be told, with the way that needs no gate
 */
export async function runKill(
  options: KillOptions,
  terminal: Terminal,
  connect = connectCalls,
): Promise<number> {
  try {
    const body = engageBody(options);
    const calls = connectAnyhow(options, terminal, connect);
    const engaged = await sendOnce(async signal => await calls.engage(body, { signal }), UNKNOWN, terminal);
    if (options.json) terminal.say(JSON.stringify(engaged));
    else await sayEngaged(engaged, calls, terminal);
    return exitCode.done;
  } catch (thrown) {
    const code = endOf(thrown);
    if (code === undefined) throw thrown;
    const error = asError(thrown);
    sayWhyNot(error, options, terminal);
    if (options.json) {
      const file = killFileOf(options)?.file;
      const said = thrown instanceof SaidNo ? thrown.problem : { error: error.message };
      // Null where nobody knows: whoever reads it as a no engages again, which does no harm.
      const engaged = mayBeEngaged(error) ? null : false;
      terminal.say(JSON.stringify({ ...said, engaged, ...(file !== undefined && { kill_file: file }) }));
    }
    return code;
  }
}

/** Who has to stop a gate is not asked which one, where the configuration that was named says where it listens. */
function connectAnyhow(options: KillOptions, terminal: Terminal, connect: typeof connectCalls): GateCalls {
  const gate = gateOf(options);
  try {
    return connect(gate, terminal);
  } catch (thrown) {
    const url = options.config === undefined ? undefined : readAddress(options.config);
    if (!(thrown instanceof NoGateError) || url === undefined) throw thrown;
    return connect({ ...gate, url }, terminal);
  }
}

function endOf(thrown: unknown): number | undefined {
  if (thrown instanceof SaidNo) return exitCodeOfNo(thrown);
  if (thrown instanceof NoAnswerError || thrown instanceof Interrupted) return exitCode.couldNotTell;
  return isForTheUser(asError(thrown)) ? exitCode.wrongUse : undefined;
}

interface EngageBody {
  readonly scope?: Scope;
  readonly reason?: string;
  readonly except?: readonly string[];
}

function engageBody({ what, action, dimension, value, except, reason }: KillOptions): EngageBody {
  const [first] = what;
  if (first !== undefined) {
    const near = nearestName(first, ['status', 'release', 'engage']);
    const meant =
      near === undefined ? `for one action: --action ${printable(first)}.` : `did you mean kill ${near}?`;
    throw new ScopeError(`there is no "kill ${printable(first)}": ${meant} ${NOTHING}`);
  }
  const blank = Object.entries({ action, dimension, value }).find(([, text]) => text?.trim() === '');
  if (blank !== undefined)
    throw new ScopeError(`--${blank[0]} is blank: leave it out to stop everything. ${NOTHING}`);
  if (action !== undefined && (dimension ?? value) !== undefined)
    throw new ScopeError(
      `either --action, or --dimension with --value; without them everything stops. ${NOTHING}`,
    );
  if ((dimension === undefined) !== (value === undefined))
    throw new ScopeError(`--dimension and --value go together; without them everything stops. ${NOTHING}`);
  const scope =
    action !== undefined
      ? { action }
      : dimension !== undefined && value !== undefined
        ? { dimension, value }
        : undefined;
  return {
    ...(scope !== undefined && { scope }),
    ...(reason !== undefined && { reason }),
    ...(except !== undefined && { except }),
  };
}

function showScope(scope: Scope): string {
  if ('action' in scope) return `action ${printable(scope.action)}`;
  if ('dimension' in scope) return `${printable(scope.dimension)} ${printable(scope.value)}`;
  return 'everything';
}

/** So many ids are listed; the rest is in `--json`. */
const LISTED = 20;

async function sayEngaged(
  engaged: EngagedSwitch,
  calls: Pick<GateCalls, 'one'>,
  terminal: Terminal,
): Promise<void> {
  const { id, scope, except, on_the_wire: onTheWire, stopped, took_ms: tookMs } = engaged;
  terminal.say(
    `Engaged for ${showScope(scope)} in ${tookMs} ms. No gate starts another forward${exceptFor(except)}.`,
  );
  sayIds('stopped for good, nothing of it was sent', 'Nothing waited to be sent.', stopped, terminal);
  sayIds(
    'on the wire, and may be being carried out',
    'Nothing is on the wire.',
    onTheWire,
    terminal,
    await tellWhat(onTheWire, calls),
  );
  terminal.say(`\nTo release it when it is over:\n  interlock kill release ${printable(id)} --reason "…"`);
}

const exceptFor = (except: readonly string[]): string =>
  except.length === 0 ? '' : `, but for ${except.map(printable).join(', ')}`;

/** So long what is on the wire is asked for: the switch is engaged, and has been said. */
const TOLD_WITHIN_MS = 5_000;

/** What the listed ones are, as far as the gate says so in time. */
async function tellWhat(
  ids: readonly string[],
  calls: Pick<GateCalls, 'one'>,
): Promise<ReadonlyMap<string, string>> {
  const signal = AbortSignal.timeout(TOLD_WITHIN_MS);
  const told = await Promise.allSettled(
    ids.slice(0, LISTED).map(async id => [id, describeRequest(await calls.one(id, { signal }))] as const),
  );
  return new Map(told.flatMap(one => (one.status === 'fulfilled' ? [one.value] : [])));
}

const describeRequest = ({ action, targets, principal, decided_at: at }: RecordedDecision): string =>
  [
    action,
    ...(targets === undefined ? [] : [countOf(targets.count, 'target')]),
    `by ${principal}`,
    `allowed at ${at}`,
  ].join(', ');

function sayIds(
  what: string,
  none: string,
  ids: readonly string[],
  terminal: Terminal,
  told: ReadonlyMap<string, string> = new Map(),
): void {
  terminal.say(ids.length === 0 ? none : `${countOf(ids.length, 'request')} ${what}:`);
  for (const id of ids.slice(0, LISTED)) {
    const says = told.get(id);
    terminal.say(`  ${printable(id)}${says === undefined ? '' : `  ${printable(says)}`}`);
  }
  if (ids.length > LISTED)
    terminal.say(`  and ${countOf(ids.length - LISTED, 'more request')} (--json lists all)`);
}

/** Why nothing is known to be engaged, and the way that needs no gate, no key and no database. */
function sayWhyNot(error: Error, options: KillOptions, terminal: Terminal): void {
  if (error instanceof SaidNo) sayProblem(error.problem, error.gateUrl, terminal);
  else terminal.complain(`interlock: ${printable(error.message)}`);
  const isSaid = error instanceof NoAnswerError || error instanceof Interrupted;
  if (mayBeEngaged(error)) {
    if (!isSaid) terminal.complain(UNKNOWN);
  } else if (!error.message.includes(NOTHING)) terminal.complain(NOTHING);
  // Who only wrote a scope wrong has a gate that answers, and writes it right.
  if (error instanceof ScopeError || (error instanceof SaidNo && ruleOf(error.problem) === 'request.invalid'))
    return;
  const found = killFileOf(options);
  // The gate has named its own: a line that speaks of kill files in general would only make it unsure again.
  if (found === undefined && error.message.includes('kill file'))
    terminal.complain('Every other machine that runs a gate has a kill file of its own: make each.');
  else sayKillFile(found, isStoreAway(error) ? 'With the database away' : 'Without the gate', terminal);
}

const mayBeEngaged = (error: Error): boolean =>
  error instanceof NoAnswerError
    ? error.tried.neverConnected !== true
    : endOf(error) === exitCode.couldNotTell && !isStoreAway(error);

/** The gate is there, and says that nothing was written. */
const isStoreAway = (error: Error): boolean =>
  error instanceof SaidNo && /^store\.(unavailable|behind|undecided)$/.test(ruleOf(error.problem));

function sayKillFile(found: KillFile | undefined, when: string, terminal: Terminal): void {
  if (found === undefined) {
    terminal.complain(
      `${when}: make the kill file of each gate, on its machine. It is \`kill_file\` of its configuration, or KILL beside it if \`kill_file\` is not set; --config FILE tells.`,
    );
    return;
  }
  const { file, isDefault } = found;
  terminal.complain(`${when}: on each machine that runs a gate,\n  touch ${printable(file)}`);
  if (isDefault)
    terminal.complain(
      '(the default: its configuration sets no `kill_file` now. A gate keeps the one that it was started with)',
    );
}

const NOTHING = 'Nothing was engaged.';
const UNKNOWN =
  'It is not known whether the switch is engaged: interlock kill status tells. Try again: engaged twice is as good as once.';

/** What was to be stopped was not said as it must be. */
class ScopeError extends UsageError {}

/** Read as text: neither a configuration that is broken elsewhere nor an environment that is may keep anybody from stopping. */
function killFileOf({ config }: KillOptions): KillFile | undefined {
  try {
    const file = configFileOf(config);
    return existsSync(file) ? readKillFile(file) : undefined;
  } catch {
    return undefined;
  }
}

/** @returns 0; the table of what is engaged is the answer */
export async function runKillStatus(
  options: Omit<GateOptions, 'json'> & { readonly json: boolean },
  terminal: Terminal,
  look: { readonly nowMs: number; readonly width?: number },
  connect = connectCalls,
): Promise<number> {
  const switches = await connect(gateOf(options), terminal)
    .switches()
    .catch((thrown: unknown) => {
      if (endOf(thrown) === exitCode.couldNotTell)
        terminal.complain(
          'What is engaged cannot be told now. Nothing releases a switch by itself: what was engaged still is.',
        );
      throw thrown;
    });
  if (options.json) terminal.say(JSON.stringify(switches));
  else if (switches.engaged.length === 0) terminal.say('Nothing is engaged.');
  else for (const line of switchTable(switches, look)) terminal.say(line);
  return exitCode.done;
}

function switchTable({ engaged }: Switches, { nowMs, width }: { nowMs: number; width?: number }): string[] {
  const columns = [
    { title: 'ID' },
    { title: 'STOPS' },
    { title: 'SINCE' },
    { title: 'BY' },
    { title: 'LETS THROUGH' },
    { title: 'REASON' },
  ] as const;
  const rows = engaged.map(one => [
    one.id,
    showScope(one.scope),
    'engaged_at' in one ? showAgo(one.engaged_at, nowMs) : undefined,
    'engaged_by' in one ? one.engaged_by : undefined,
    one.except.join(', '),
    one.reason,
  ]);
  return fitTable(columns, rows, width);
}

export interface ReleaseOptions extends Omit<GateOptions, 'json'> {
  readonly reason?: string;
  readonly json: boolean;
}

/** @param given the id, or the beginning of it as far as it is the only one */
export async function runKillRelease(
  given: string,
  options: ReleaseOptions,
  terminal: Terminal,
  connect = connectCalls,
): Promise<number> {
  if (options.reason === undefined || options.reason.trim() === '')
    throw new UsageError('a release says why: --reason "…". Nothing was released');
  const calls = connect(gateOf(options), terminal);
  const { reason } = options;
  const released = await tellingIfNot(terminal, async () => {
    const id = isWholeId(given) ? given : await findSwitch(given, calls);
    return await sendOnce(
      async signal => await calls.release(id, reason, { signal }),
      'It is not known whether it is released: interlock kill status tells.',
      terminal,
    );
  });
  if (options.json) terminal.say(JSON.stringify(released));
  else {
    terminal.say(
      `Released for ${showScope(released.scope)}. What it stopped stays stopped; new requests are decided again.`,
    );
    const left = (await calls.switches()).engaged;
    if (left.length > 0)
      terminal.say(
        `Still engaged: ${left.map(one => `${showScope(one.scope)} (${printable(one.id)})`).join(', ')}.`,
      );
  }
  return exitCode.done;
}

/** A database that is away has released nothing. Its gate says how to stop without it, and whoever releases wants to go on. */
async function tellingIfNot<T>(terminal: Terminal, release: () => Promise<T>): Promise<T> {
  try {
    return await release();
  } catch (thrown) {
    if (isStoreAway(asError(thrown)))
      terminal.complain(
        'Nothing was released: what was engaged still is. Release it when the database is back.',
      );
    throw thrown;
  }
}

async function findSwitch(given: string, calls: GateCalls): Promise<string> {
  if (given === 'kill-file')
    throw new UsageError('the kill file is released by taking the file away, on the machine of the gate');
  const { engaged } = await calls.switches();
  return findId(
    given,
    engaged.map(({ id }) => id),
    {
      one: 'switch',
      many: 'switches',
      listed: 'engaged are',
      none: 'nothing is engaged',
      end: 'Nothing was released',
    },
  );
}
