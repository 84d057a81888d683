import { parseEngage } from '../kill-switch/engage-body.ts';
import type { Logger } from '../kit/logger.ts';
import { isRefusal } from '../kit/refusal.ts';
import { beginningOf } from '../kit/text.ts';
import { hasBody, readIfAny, readJson } from './body.ts';
import {
  idOf,
  json,
  notFound,
  only,
  replyOf,
  replyUnlessKeyGone,
  type Exchange,
  type Handle,
} from './exchange.ts';
import { parseReasonBody } from './fields.ts';
import { sayNothingEngaged } from './find-the-stop.ts';
import type { BudgetsPort, ClockPort, InventoryPort, KillSwitchPort, PolicyPort, Reached } from './ports.ts';
import { withoutParameters } from './query.ts';
import { Refused } from './refused.ts';
import { requestIdOf } from './write-reply.ts';

/** What an operator turns, and what shows how things stand. */
export function controlHandlers(ports: {
  readonly killSwitch: KillSwitchPort;
  readonly clock: ClockPort;
  readonly budgets: BudgetsPort;
  readonly policy: PolicyPort;
  readonly inventory: Pick<InventoryPort, 'summary'>;
  readonly logger: Logger;
  readonly monotonicMs: () => number;
}): Record<'engage' | 'release' | 'switches' | 'acceptClock' | 'budgets' | 'policy' | 'inventory', Handle> {
  const { killSwitch, clock, logger, monotonicMs } = ports;

  /**
   * Nothing may stand in the way of stopping: no content type is asked for, no idempotency key, no header is looked at but
   * the key and Content-Encoding, and no body, or a body of blanks, is an engage of everything.
   */
  const engage: Handle = async exchange => {
    const arrivedMs = monotonicMs();
    const body = await readIfAny(exchange);
    if (body instanceof Refused) return body;
    const request = parseEngage(body);
    if (isRefusal(request)) return { type: 'refusal', refusal: request };
    const engaged = await exchange.largeBodies.standStill(
      async () => await killSwitch.engage(request, exchange.principal),
    );
    if (isRefusal(engaged)) return replyOf(engaged);
    // Committed: how long whoever pulled the switch waited for it.
    const timed = { ...engaged, took_ms: Math.round(monotonicMs() - arrivedMs) };
    logger.warn({ request_id: requestIdOf(exchange.res), ...shortened(timed) }, 'a kill switch is engaged');
    return json(timed, 201);
  };

  const release: Handle = async exchange => {
    const id = idOf(exchange);
    if (id === undefined) return noSuchSwitch();
    const reason = await readReason(exchange);
    if (reason instanceof Refused) return reason;
    const { principal, isStillKnown, largeBodies } = exchange;
    const released = await largeBodies.standStill(
      async () => await killSwitch.release(id, reason, principal, isStillKnown),
    );
    if (released !== undefined && !isRefusal(released))
      logger.warn({ request_id: requestIdOf(exchange.res), ...released }, 'a kill switch is released');
    if (released === undefined && isStillKnown()) return noSuchSwitch();
    return replyUnlessKeyGone(exchange, released);
  };

  const acceptClock: Handle = async exchange => {
    const reason = await readReason(exchange);
    if (reason instanceof Refused) return reason;
    const { res, principal, isStillKnown } = exchange;
    const accepted = await clock.accept(reason, principal, isStillKnown);
    const told = { request_id: requestIdOf(res), by: principal.name, reason, ...accepted };
    if (!isRefusal(accepted)) logger.warn(told, "a jump of the database's clock was accepted");
    return replyUnlessKeyGone(exchange, accepted);
  };

  return {
    engage: sayNothingEngaged(only(['operator'], engage)),
    release: only(['operator'], withoutParameters(release)),
    switches: only(['auditor', 'operator'], async () => json(await killSwitch.status())),
    acceptClock: only(['operator'], withoutParameters(acceptClock)),
    ...showing(ports),
  };
}

/** Whoever releases may see them all: the general words, that it may not be theirs to see, would lead astray. */
const noSuchSwitch = (): Refused =>
  notFound('There is no such switch: GET /v1/kill-switch tells which are engaged. Nothing was released.');

/** Thousands may have waited, and a line that is too long for who takes the log is dropped. All of it is in the answer, and in the trail. */
const MOST_LOGGED = 100;
const MOST_OF_REASON = 4_000;

const shortened = ({ reason, on_the_wire, stopped, ...engaged }: Reached): object => ({
  ...engaged,
  reason: beginningOf(reason, MOST_OF_REASON),
  on_the_wire: on_the_wire.slice(0, MOST_LOGGED),
  on_the_wire_count: on_the_wire.length,
  stopped: stopped.slice(0, MOST_LOGGED),
  stopped_count: stopped.length,
});

/** What shows how things stand, and takes nothing. */
const showing = (ports: {
  readonly budgets: BudgetsPort;
  readonly policy: PolicyPort;
  readonly inventory: Pick<InventoryPort, 'summary'>;
}): Record<'budgets' | 'policy' | 'inventory', Handle> => ({
  budgets: only(
    ['auditor'],
    show(async () => await ports.budgets.budgets()),
  ),
  policy: only(
    ['auditor'],
    show(async () => await ports.policy.describe()),
  ),
  inventory: only(
    ['auditor', 'inventory'],
    show(async () => await ports.inventory.summary()),
  ),
});

const show = (tell: () => Promise<object>): Handle => withoutParameters(async () => json(await tell()));

async function readReason(exchange: Exchange): Promise<string | Refused> {
  // Without any body it is the reason that is missing, not its type.
  const body = hasBody(exchange.req) ? await readJson(exchange) : {};
  return body instanceof Refused ? body : parseReasonBody(body);
}
