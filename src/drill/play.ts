import { sha256 } from '../kit/digest.ts';
import { freshId } from '../kit/ids.ts';
import { asError } from '../kit/fault.ts';
import { at, listAt, textAt, type GateClient, type Reply } from '../scratch/gate-client.ts';
import type { CaseRequest, DrillCase, Step, Twin } from './case.ts';
import type { ExecutorAnswer, Executor } from './executor.ts';
import { linesOf, targetsOf, type Lines } from './fleet.ts';
import { refusal, resultOf, unplayed, unseen, type CaseResult, type Said } from './result.ts';
import { OWN } from './scratch-config.ts';

/** What a case is played on: a real gate, and the executor behind it. */
export interface Rig {
  readonly gate: GateClient;
  readonly executor: Executor;
  /** Those that have a key. */
  readonly principals: ReadonlySet<string>;
  readonly nowMs: number;
  readonly sleep: (forMs: number) => Promise<void>;
}

/** Does something on a rig on which nothing was done yet. */
export type Anew = <T>(act: (rig: Rig) => Promise<T>) => Promise<T>;

/**
 * Plays one case: loads its fleet, brings about what was before the incident, and asks that; then what should be allowed, or before all
 * else where the case says so.
 * @param anew left out where all cases are played on this one rig
 */
export async function playCase(drillCase: DrillCase, rig: Rig, anew?: Anew): Promise<CaseResult> {
  const { trial, fleet, history } = drillCase;
  if (trial.kind !== 'trial') return unseen(drillCase, trial);
  const { twin } = trial;
  let ofTwin: Said | undefined;
  try {
    const lines = linesOf(fleet, rig.nowMs);
    await load(lines, rig);
    if (twin?.first === true) ofTwin = await askTwin(twin, lines, rig);
    await bringAbout(history, lines, rig, 'before');
    const said = await ask(trial.request, lines, rig);
    if (twin?.first === false)
      // What is known of the incident is told, whatever keeps its twin from being asked.
      ofTwin = await askAfter(said, twin, drillCase, { rig, lines, anew }).catch(untold);
    return resultOf(drillCase, trial.rule, said, ofTwin);
  } catch (thrown) {
    return unplayed(drillCase, asError(thrown).message, ofTwin);
  }
}

const untold = (thrown: unknown): Said => ({ kind: 'untold', says: asError(thrown).message });

/**
 * The twin on the day of the incident. A no has used nothing up, so it is asked on the same rig. What was let through has: a window
 * that is spent, a target that is done; the twin would be refused for what a mended gate does not let through.
 */
async function askAfter(
  incident: Said,
  twin: Twin,
  { fleet, history }: DrillCase,
  { rig, lines, anew }: { readonly rig: Rig; readonly lines: Lines; readonly anew: Anew | undefined },
): Promise<Said> {
  if (incident.kind === 'refused') return await askTwin(twin, lines, rig);
  if (anew === undefined)
    return {
      kind: 'untold',
      says: 'The incident was let through before it, on the gate that all cases share: a no could be due to what the incident used up.',
    };
  return await anew(async fresh => {
    const freshLines = linesOf(fleet, fresh.nowMs);
    await load(freshLines, fresh);
    await bringAbout(history, freshLines, fresh, 'before');
    return await askTwin(twin, freshLines, fresh);
  });
}

async function askTwin({ history, request }: Twin, lines: Lines, rig: Rig): Promise<Said> {
  await bringAbout(history, lines, rig, 'before the twin');
  return await ask(request, lines, rig);
}

async function load(lines: Lines, { gate }: Rig): Promise<void> {
  for (const [kind, targets] of lines) {
    const content = targets.map(line => `${JSON.stringify(line)}\n`).join('');
    const reply = await gate.call(OWN.inventory, 'PUT', `/v1/inventory/${kind}?expect=${targets.length}`, {
      text: { type: 'application/x-ndjson', content },
    });
    if (reply.status !== 200) throw new Error(`the fleet of ${kind} was not loaded: ${inShort(reply)}`);
  }
}

async function bringAbout(
  history: readonly Step[],
  lines: Lines,
  rig: Rig,
  when: 'before' | 'before the twin',
): Promise<void> {
  for (const [index, step] of history.entries()) {
    const trouble = await take(step, lines, rig);
    if (trouble !== undefined)
      throw new Error(`step ${index + 1} of what was ${when} did not go as told: ${trouble}`);
  }
}

/** @returns what did not go as told */
async function take(step: Step, lines: Lines, rig: Rig): Promise<string | undefined> {
  const { gate } = rig;
  if (step.inventory !== undefined) {
    await load(linesOf(step.inventory, rig.nowMs), rig);
    return undefined;
  }
  if (step.evidence !== undefined) {
    const { as = OWN.observer, ...evidence } = step.evidence;
    return troubleOf(await gate.call(as, 'POST', '/v1/evidence', { json: evidence }));
  }
  if (step.engage !== undefined) {
    const { action, reason } = step.engage;
    const json = { scope: { action }, reason };
    return troubleOf(await gate.call(OWN.operator, 'POST', '/v1/kill-switch', { json }));
  }
  if (step.wait !== undefined) {
    await rig.sleep(step.wait);
    return undefined;
  }
  if (step.request === undefined) return 'it says nothing';
  for (const body of bitesOf(step, lines)) {
    const trouble = await askForTrue(step.request, body, step.outcome ?? 'delivered', rig);
    if (trouble !== undefined) return trouble;
  }
  return undefined;
}

const troubleOf = (reply: Reply): string | undefined => (reply.status < 300 ? undefined : inShort(reply));

/** The body of a step's request, or of each of the small ones that it is asked in. */
function bitesOf({ request, in_bites_of: size }: Step, lines: Lines): Members[] {
  if (request === undefined) return [];
  const body = bodyOf(request, lines);
  const ids = listAt(body, 'targets', 'ids');
  if (size === undefined || ids.length === 0) return [body];
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, index) => ({
    ...body,
    targets: { ids: ids.slice(index * size, (index + 1) * size) },
  }));
}

type Members = Readonly<Record<string, unknown>>;

function bodyOf(asked: CaseRequest, lines: Lines): Members {
  const { as: _, idempotency_key: __, ...request } = asked;
  const targets = targetsOf(asked, lines);
  return { ...request, reason: request.reason ?? 'a drill', ...(targets !== undefined && { targets }) };
}

async function submit(
  { as, idempotency_key: key = freshId() }: CaseRequest,
  body: Members,
  prefer: string,
  rig: Rig,
): Promise<Reply> {
  const { gate, principals } = rig;
  if (!principals.has(as)) throw new Error(`${as} is no principal of the configuration`);
  const headers = { 'idempotency-key': key, prefer };
  return await gate.call(as, 'POST', '/v1/requests', { json: body, headers });
}

/** A request of the history: it must be allowed, and end as the case says. */
async function askForTrue(
  request: CaseRequest,
  body: Members,
  outcome: ExecutorAnswer,
  rig: Rig,
): Promise<string | undefined> {
  const prefer = outcome === 'pending' ? 'respond-async' : 'wait=20';
  const reply = await answeredWith(outcome, rig.executor, async () => {
    const answer = await submit(request, body, prefer, rig);
    // Who does not wait for the outcome must wait for the attempt, or the next answer would be this one's.
    if (outcome === 'pending') await rig.executor.received(textAt(answer.body, 'id'));
    return answer;
  });
  if (textAt(reply.body, 'decision') !== 'allowed') return inShort(reply);
  const came = textAt(reply.body, 'outcome', 'status');
  return came === outcome ? undefined : `its outcome is ${came}, and was to be ${outcome}`;
}

/** One executor stands behind all cases: what one of them has it answer is over when that step is, also where it fails. */
async function answeredWith<T>(
  answer: ExecutorAnswer,
  executor: Executor,
  act: () => Promise<T>,
): Promise<T> {
  executor.answerWith(answer);
  try {
    return await act();
  } finally {
    executor.answerWith('delivered');
  }
}

/** What the gate says to the incident, or to its twin; a yes counts when the executor got the very targets, a no when it got nothing. */
async function ask(request: CaseRequest, lines: Lines, rig: Rig): Promise<Said> {
  const body = bodyOf(request, lines);
  const reply = await submit(request, body, 'wait=20', rig);
  const sent = rig.executor.sent(textAt(reply.body, 'id'));
  const decision = textAt(reply.body, 'decision');
  if (decision === 'allowed') {
    if (textAt(reply.body, 'outcome', 'status') !== 'delivered' || sent === undefined)
      return { kind: 'untold', says: `allowed, and not delivered: ${inShort(reply)}` };
    if (!areTheVery(sent, body, reply))
      return {
        kind: 'untold',
        says: 'allowed, and the executor was sent other targets than those decided on',
      };
    return { kind: 'allowed' };
  }
  const first = at(reply.body, 'reasons', 0);
  const rule = textAt(first, 'rule');
  if (decision !== 'refused' || rule === '' || sent !== undefined)
    return { kind: 'untold', says: inShort(reply) };
  const remedy = rule === 'inventory.empty' ? OF_THE_FLEET : textAt(first, 'remedy');
  return refusal({ rule, message: textAt(first, 'message'), remedy });
}

/** Nobody but the case loads anything into a gate of the drill: who reads this has a file, and no call, to set right. */
const OF_THE_FLEET = 'with its targets under `fleet:` of the case';

/** Whether these are, id by id, the targets that the gate says it decided on, and those that the request names where it names them. */
function areTheVery(sent: readonly string[], body: Members, reply: Reply): boolean {
  const digest = digestOf(sent);
  const named = at(body, 'targets', 'ids');
  const isAsNamed = !Array.isArray(named) || digestOf(named.map(String)) === digest;
  return isAsNamed && textAt(reply.body, 'targets', 'digest') === digest;
}

/** Of a target set, as the gate makes it. */
const digestOf = (ids: readonly string[]): string =>
  sha256(
    ids
      .toSorted()
      .map(id => `${id}\n`)
      .join(''),
  );

/** A no in one sentence; of what is no answer of the gate, its status. */
function inShort({ status, body }: Reply): string {
  const first = at(body, 'reasons', 0);
  const says = textAt(first, 'message') || textAt(body, 'detail') || textAt(body, 'title');
  return [`${status}`, textAt(first, 'rule'), says].filter(one => one !== '').join(' ');
}
