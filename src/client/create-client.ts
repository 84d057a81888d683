import { setTimeout as pause } from 'node:timers/promises';
import { chance } from '../kit/chance.ts';
import { systemClock, type Clock } from '../kit/clock.ts';
import { freshId } from '../kit/ids.ts';
import { isIdempotencyKey } from '../kit/text.ts';
import type { Call, Expected } from './attempt.ts';
import type { Aborted, Client, ClientSettings } from './client.ts';
import { ClientMisuseError, NoAnswerError } from './errors.ts';
import { listItems } from './list-items.ts';
import { LONGEST_MS, openLine } from './open-line.ts';
import { answerOf, send, sendForStream, type Line } from './send.ts';
import { streamOf } from './stream-of.ts';
import type { Answer, Content, Load, Loaded, RecordedDecision } from './types.ts';
import { unlessDecides, unlessOf, unlessScope, unlessSeen } from './why-not.ts';
import { segment, withQuery, writeJson } from './write-json.ts';

// This file is what is published as `./client`: whoever catches an error has to be able to name it.
export { ClientMisuseError, NoAnswerError };
export type * from './client.ts';
export type { ClientTls } from '../kit/client-tls.ts';
export type * from './types.ts';
export type { Patience } from './retry.ts';
export type { Retry } from './send.ts';

/** What the tests own. */
export interface Chances {
  readonly clock: Clock;
  readonly chance: () => number;
  readonly sleep: (durationMs: number, signal?: AbortSignal) => Promise<void>;
}

const real: Chances = {
  clock: systemClock,
  chance,
  sleep: async (durationMs, signal) => {
    try {
      await pause(durationMs, undefined, signal === undefined ? {} : { signal });
    } catch (thrown) {
      // Node wraps it, and whoever aborted wants to know its own reason again.
      signal?.throwIfAborted();
      throw thrown;
    }
  },
};

const TIMEOUT_MS = 30_000;
/** A load is measured, written and read back before it is answered. */
const LOAD_TIMEOUT_MS = 15 * 60_000;
const DEFAULT_WAIT_S = 60;
/** Node's `fetch` waits 300 s for a head, and no longer. */
const LONGEST_WAIT_S = 240;

/**
 * A client of one gate. Nothing is sent yet.
 * @throws ClientMisuseError for a URL, a key or a setting that is none
 */
export function createClient(settings: ClientSettings, chances: Chances = real): Client {
  const line = openLine(settings, chances);
  const timeoutMs = settings.timeoutMs ?? TIMEOUT_MS;
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_MS))
    throw new ClientMisuseError(`\`timeoutMs\` is a number above 0, at most ${LONGEST_MS}.`);
  const calls = callsWithin(timeoutMs);
  return {
    ...deciding(line, calls, timeoutMs),
    ...settling(line, calls),
    ...stopping(line, calls),
    ...listing(line, calls, timeoutMs),
    ...observing(line, calls, timeoutMs),
    ...loading(line),
    ...looking(line, calls),
  };
}

type Calls = ReturnType<typeof callsWithin>;

/** 200 with these members. */
const with200 = (...members: readonly string[]): Expected => ({ statuses: [200], members });
const DECISION = with200('id', 'decision');
const decisionOf = (id: string): Expected => ({ ...DECISION, whyNot: unlessOf(id) });

const callsWithin = (withinMs: number) => ({
  read: (path: string, yes: Expected, options: Aborted = {}): Call => ({
    method: 'GET',
    path,
    yes,
    repeatable: true,
    withinMs,
    ...options,
  }),
  /** Not made twice: it has no idempotency key. */
  post: (path: string, yes: Expected, body: object | undefined, options: Aborted = {}): Call => ({
    method: 'POST',
    path,
    yes,
    repeatable: false,
    withinMs,
    ...(body !== undefined && { body: { type: 'application/json', content: writeJson(body) } }),
    ...options,
  }),
});

const requestPath = (id: string): string => `/v1/requests/${segment(id, 'request')}`;

async function ask<T>(line: Line, call: Call): Promise<Answer<T>> {
  return answerOf<T>(await send(line, call));
}

function deciding(line: Line, { post }: Calls, timeoutMs: number): Pick<Client, 'submit' | 'preflight'> {
  return {
    submit: async (body, { idempotencyKey = freshId(), waitS = DEFAULT_WAIT_S, ...options } = {}) => {
      if (!isIdempotencyKey(idempotencyKey))
        throw new ClientMisuseError('An idempotency key is 1 to 255 visible ASCII characters.');
      if (!Number.isSafeInteger(waitS) || waitS < 0)
        throw new ClientMisuseError('`waitS` is a whole number of seconds.');
      const seconds = Math.min(waitS, LONGEST_WAIT_S);
      const yes = { ...DECISION, statuses: [200, 202], whyNot: unlessDecides(body, 'request') };
      const told = await send(line, {
        ...post('/v1/requests', yes, body, options),
        repeatable: true,
        idempotencyKey,
        prefer: `wait=${seconds}`,
        withinMs: seconds * 1000 + timeoutMs,
      });
      const replayed = told.headers.get('idempotency-replayed') === 'true';
      return { ...answerOf<RecordedDecision>(told), idempotencyKey, replayed };
    },
    // Nothing is consumed, so that to ask twice is to ask once.
    preflight: async (body, options) => {
      const yes = { ...DECISION, whyNot: unlessDecides(body, 'preflight') };
      return await ask(line, { ...post('/v1/preflight', yes, body, options), repeatable: true });
    },
  };
}

function settling(line: Line, { post }: Calls): Pick<Client, 'settle' | 'cancel' | 'acceptClock'> {
  return {
    settle: async (id, outcome, options) =>
      await ask(line, post(`${requestPath(id)}/outcome`, decisionOf(id), outcome, options)),
    cancel: async (id, options) =>
      await ask(line, post(`${requestPath(id)}/cancel`, decisionOf(id), undefined, options)),
    acceptClock: async (reason, options) =>
      await ask(line, post('/v1/clock/accept', with200('seq', 'accepted'), { reason }, options)),
  };
}

const ENGAGED: Expected = { statuses: [201], members: ['id', 'scope', 'except', 'on_the_wire', 'stopped'] };
const RELEASED = with200('id', 'scope', 'released_at');

function stopping(line: Line, { read, post }: Calls): Pick<Client, 'engage' | 'release' | 'switches'> {
  return {
    engage: async (engage, options) => {
      const yes = { ...ENGAGED, whyNot: unlessScope(engage?.scope) };
      return await ask(line, post('/v1/kill-switch', yes, engage, options));
    },
    release: async (id, reason, options) =>
      await ask(
        line,
        post(
          `/v1/kill-switch/${segment(id, 'switch')}/release`,
          { ...RELEASED, whyNot: unlessOf(id) },
          { reason },
          options,
        ),
      ),
    switches: async options => await ask(line, read('/v1/kill-switch', with200('engaged'), options)),
  };
}

function listing(
  line: Line,
  { read }: Calls,
  withinMs: number,
): Pick<Client, 'search' | 'targets' | 'audit' | 'export'> {
  return {
    search: async (filters = {}, options = {}) =>
      await listItems(line, { path: '/v1/requests', filters, withinMs }, options),
    targets: async (id, options = {}) =>
      await listItems(line, { path: `${requestPath(id)}/targets`, filters: {}, withinMs }, options),
    audit: async (options = {}) =>
      await listItems(line, { path: '/v1/audit', filters: {}, withinMs }, options),
    export: async (what, format, { limit, ...options } = {}) => {
      const [path, filters] = what === 'audit' ? ['/v1/audit', {}] : ['/v1/requests', what.search];
      const streamed = await sendForStream(line, {
        ...read(withQuery(path, { ...filters, ...(limit !== undefined && { limit }) }), with200(), options),
        accept: format === 'csv' ? 'text/csv' : 'application/x-ndjson',
      });
      if (!streamed.ok) return answerOf(streamed);
      return { ok: true, status: streamed.status, value: streamed.pieces };
    },
  };
}

const SEEN: Expected = { statuses: [201], members: ['seq', 'artifact', 'name', 'status', 'at'] };

function observing(line: Line, { post }: Calls, withinMs: number): Pick<Client, 'postEvidence' | 'evidence'> {
  return {
    postEvidence: async (seen, options) =>
      await ask(line, post('/v1/evidence', { ...SEEN, whyNot: unlessSeen(seen) }, seen, options)),
    evidence: async (filters = {}, options = {}) =>
      await listItems(line, { path: '/v1/evidence', filters, withinMs }, options),
  };
}

function loading(line: Line): Pick<Client, 'putInventory' | 'patchInventory'> {
  const load = async (
    method: 'PUT' | 'PATCH',
    kind: string,
    content: Content,
    { format = 'ndjson', expect, asOf, force, reason, source, ...options }: Load = {},
  ): Promise<Answer<Loaded>> => {
    const parameters = {
      ...(expect !== undefined && { expect }),
      ...(asOf !== undefined && { as_of: asOf }),
      ...(force !== undefined && { force }),
      ...(reason !== undefined && { reason }),
      ...(source !== undefined && { source }),
    };
    const path = withQuery(`/v1/inventory/${segment(kind, 'kind')}`, parameters);
    const type = format === 'csv' ? 'text/csv' : 'application/x-ndjson';
    return await ask(line, {
      method,
      path,
      repeatable: false,
      withinMs: LOAD_TIMEOUT_MS,
      yes: with200('revision', 'count'),
      body: { type, content: streamOf(content) },
      ...options,
    });
  };
  return {
    putInventory: async (kind, content, options) => await load('PUT', kind, content, options),
    patchInventory: async (kind, content, options) => await load('PATCH', kind, content, options),
  };
}

function looking(
  line: Line,
  { read }: Calls,
): Pick<Client, 'one' | 'inventory' | 'budgets' | 'policy' | 'rules' | 'ready' | 'readyToDecide'> {
  /** Not ready is what was asked for, and not asked again. */
  const readiness = async <T>(path: string, options: Aborted | undefined): Promise<T> => {
    const yes = { statuses: [200, 503], members: ['ready', 'checks'] };
    const call: Call = { ...read(path, yes, options), repeatable: false };
    const answer = await ask<T>(line, call);
    if (answer.ok) return answer.value;
    throw new NoAnswerError(`it answered ${answer.status}: ${answer.problem.title}`, {
      method: 'GET',
      url: line.url + path,
      attempts: 1,
      status: answer.status,
    });
  };
  return {
    one: async (id, options) => await ask(line, read(requestPath(id), decisionOf(id), options)),
    inventory: async options => await ask(line, read('/v1/inventory', with200('kinds'), options)),
    budgets: async options => await ask(line, read('/v1/budgets', with200('items'), options)),
    policy: async options => await ask(line, read('/v1/policy', with200('revision', 'limits'), options)),
    rules: async options => await ask(line, read('/problems', with200('rules'), options)),
    ready: async options => await readiness('/readyz', options),
    readyToDecide: async options => await readiness('/readyz/decide', options),
  };
}
