import type { EngagedSwitch, RecordedDecision, Scope } from '../client/types.ts';
import { NoGateError } from '../config/client-settings.ts';
import { asError } from '../kit/fault.ts';
import { NOTHING_ENGAGED } from '../kit/nothing-engaged.ts';
import { isBlank, nearestName } from '../kit/text.ts';
import { exitCode } from './exit-code.ts';
import { connectCalls, type GateCalls } from './gate-calls.ts';
import { gateOf, type GateOptions } from './gate-connection.ts';
import { endOf, mayBeEngaged, sayWhyNot, ScopeError } from './kill-end.ts';
import { jsonLine, printable } from './printable.ts';
import { readAddress } from './read-address.ts';
import { SaidNo } from './said-no.ts';
import { sendOnce } from './send-once.ts';
import { showScope } from './show-scope.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';
import { wayWithoutGate, type WithoutGate } from './without-gate.ts';

export interface KillOptions extends Omit<GateOptions, 'json'> {
  /** Whose kill file is named if the gate does not answer, and whose gate is stopped where nothing else says which. */
  readonly config?: string;
  /** Words that are none of its commands. */
  readonly what: readonly string[];
  readonly action?: string;
  readonly dimension?: string;
  readonly value?: string;
  readonly except?: readonly string[];
  readonly reason?: string;
  readonly json: boolean;
}

/**
 * Engages the switch, at once and without a question. A scope that is half said engages nothing: whoever meant a region must
 * not stop the world by a variable that was not set.
 * @returns 0 when it is engaged; 3 when that cannot be told, with the way that needs no gate
 */
export async function runKill(options: KillOptions, terminal: Terminal): Promise<number> {
  const without = wayWithoutGate(options.config, terminal);
  let untold = NOTHING_ENGAGED;
  try {
    const body = engageBody(options);
    const calls = connectAnyhow(options, terminal);
    untold = `It is not known whether the switch is engaged: ${calls.next('kill status')} tells. Try again: engaging it twice does no harm.`;
    const onSlow = (): void => sayNoAnswerYet(without, terminal);
    const engaged = await sendOnce(async signal => await calls.engage(body, { signal }), {
      untold,
      terminal,
      onSlow,
    });
    if (options.json) terminal.say(jsonLine(engaged));
    else await sayEngaged(engaged, calls, terminal);
    without.sayUnreadable();
    return exitCode.done;
  } catch (thrown) {
    const code = endOf(thrown);
    if (code === undefined) throw thrown;
    const error = asError(thrown);
    sayWhyNot(error, { untold, without, terminal });
    if (options.json) {
      const { file } = without;
      const said = thrown instanceof SaidNo ? thrown.problem : { error: error.message };
      // Null where nobody knows: whoever reads it as a no engages again, which does no harm.
      const engaged = mayBeEngaged(error) ? null : false;
      terminal.say(jsonLine({ ...said, engaged, ...(file !== undefined && { kill_file: file }) }));
    }
    return code;
  }
}

/** While the answer is waited for, on a terminal and in a log: who has to stop now does not wait for what may never come. */
function sayNoAnswerYet(without: WithoutGate, terminal: Terminal): void {
  terminal.complain(
    'No answer yet: the gate or its database may hang. It is waited for; another gate on the same database stops this one too (--url URL --key-file FILE), and without any the kill file does.',
  );
  without.say('Without the gate');
}

/** Who has to stop a gate is not asked which one, where the configuration that was named says where it listens. */
function connectAnyhow(options: KillOptions, terminal: Terminal): GateCalls {
  const gate = gateOf(options);
  try {
    return connectCalls(gate, terminal);
  } catch (thrown) {
    const url = options.config === undefined ? undefined : readAddress(options.config);
    if (!(thrown instanceof NoGateError) || url === undefined) throw thrown;
    return connectCalls({ ...gate, url }, terminal);
  }
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
      near === undefined
        ? `interlock kill alone stops everything; --action ${printable(first)} stops one action, if that is its name.`
        : `did you mean kill ${near}?`;
    throw new ScopeError(`there is no "kill ${printable(first)}": ${meant} ${NOTHING_ENGAGED}`);
  }
  const blank = Object.entries({ action, dimension, value }).find(
    ([, text]) => text !== undefined && isBlank(text),
  );
  if (blank !== undefined)
    throw new ScopeError(`--${blank[0]} is blank: leave it out to stop everything. ${NOTHING_ENGAGED}`);
  if (action !== undefined && (dimension ?? value) !== undefined)
    throw new ScopeError(
      `either --action, or --dimension with --value; without them everything stops. ${NOTHING_ENGAGED}`,
    );
  if ((dimension === undefined) !== (value === undefined))
    throw new ScopeError(
      `--dimension and --value go together; without them everything stops. ${NOTHING_ENGAGED}`,
    );
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

/** So many ids are listed; the rest is in `--json`. */
const LISTED = 20;

async function sayEngaged(
  engaged: EngagedSwitch,
  calls: Pick<GateCalls, 'one' | 'next'>,
  terminal: Terminal,
): Promise<void> {
  const { id, scope, except, on_the_wire: onTheWire, stopped, took_ms: tookMs } = engaged;
  terminal.say(
    `Engaged for ${showScope(scope)} in ${tookMs} ms. No gate starts another forward${exceptFor(except)}.`,
  );
  const told = await tellWhat([onTheWire, stopped], calls);
  sayIds('stopped for good, and never sent', 'Nothing waited to be sent.', stopped, told, terminal);
  sayIds('on the wire, which may still be carried out', 'Nothing is on the wire.', onTheWire, told, terminal);
  terminal.say(
    `\nTo release it when it is over:\n  ${calls.next(`kill release ${printable(id)} --reason "…"`)}`,
  );
}

const exceptFor = (except: readonly string[]): string =>
  except.length === 0
    ? ''
    : `, but for ${except.map(printable).join(', ')} where no other switch stops it (kill status)`;

/** So long what these were is asked for: the switch is engaged, and has been said. */
const TOLD_WITHIN_MS = 5_000;

/** What the listed ones are, as far as the gate says so in time. */
async function tellWhat(
  lists: readonly (readonly string[])[],
  calls: Pick<GateCalls, 'one'>,
): Promise<ReadonlyMap<string, string>> {
  const signal = AbortSignal.timeout(TOLD_WITHIN_MS);
  const listed = lists.flatMap(ids => ids.slice(0, LISTED));
  const told = await Promise.allSettled(
    listed.map(async id => [id, describeRequest(await calls.one(id, { signal }))] as const),
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
  told: ReadonlyMap<string, string>,
  terminal: Terminal,
): void {
  terminal.say(ids.length === 0 ? none : `${countOf(ids.length, 'request')} ${what}:`);
  for (const id of ids.slice(0, LISTED)) {
    const says = told.get(id);
    terminal.say(`  ${printable(id)}${says === undefined ? '' : `  ${printable(says)}`}`);
  }
  if (ids.length > LISTED)
    terminal.say(`  and ${countOf(ids.length - LISTED, 'more request')} (--json lists all)`);
}
