import { crashPoint } from '#crash-point';

import type { Config, Principal } from '../config/config.ts';
import { freshId } from '../kit/ids.ts';
import { InFlight } from '../kit/in-flight.ts';
import { Lane } from '../kit/lane.ts';
import { letOthersGo } from '../kit/let-others-go.ts';
import { keyTakenOut, refuse, type Reason, type Refusal } from '../kit/refusal.ts';
import { nearestName, quote } from '../kit/text.ts';
import type { Book, EngagedSwitch, Scope } from '../ledger/book.ts';
import type { Turn } from '../ledger/turn.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import { wasReleased } from '../ledger/queries.ts';
import { stops, stoppableOf, whyStopsAll, whyStopsNothing } from '../ledger/stops.ts';
import { recordEvent } from '../outcome/record-event.ts';
import { Share } from '../outcome/share.ts';
import { stoppedBy } from '../outcome/transition.ts';
import type { EngageRequest } from './engage-body.ts';
import { killFileEngages, sayWhyKillFile } from './kill-file.ts';

/** Longer than a stop that it waits for may take. */
const NAMING_MS = 30_000;

export interface KillSwitchOptions extends Pick<Config, 'actions' | 'kinds' | 'principals' | 'killFile'> {
  readonly ledger: Ledger;
}

/** What an engage answers: what it stopped, and what was past stopping. */
export interface Engaged {
  readonly id: string;
  readonly scope: Scope;
  readonly reason: string;
  readonly except: readonly string[];
  readonly engaged_at: string;
  readonly engaged_by: string;
  /** Claimed, without an outcome at that moment: it may be being carried out. */
  readonly on_the_wire: readonly string[];
  /** Allowed, and nothing of it was sent: stopped for good. */
  readonly stopped: readonly string[];
}

/** The emergency stop: engaged by one person in one call, released by itself only. */
export class KillSwitch {
  readonly #options: KillSwitchOptions;
  /** What is to be engaged or released, until the ledger has had its turn. */
  readonly #inLine = new InFlight();
  /** One walk over all names at a time, and none while another stop is in line: twenty who mistype a rack at once are no reason for it to wait. */
  readonly #naming = new Lane(1, NAMING_MS);

  constructor(options: KillSwitchOptions) {
    this.#options = options;
  }

  /** Once this returns, no gate of the fleet starts another forward in its scope. Needs the ledger, and no policy. */
  async engage(request: EngageRequest, by: Principal): Promise<Engaged | Refusal> {
    const engaged = await this.#inLine.run(
      async () => await this.#options.ledger.enqueueAlone(turn => this.#engage(turn, request, by)),
    );
    crashPoint('engage.committed');
    if (!('unknown' in engaged)) return engaged;
    const [first, ...rest] = engaged.unknown;
    return await this.#naming.run(async () => {
      await letOthersGo();
      await this.#inLine.endedSoFar();
      return refuse(sayUnknown(first), ...rest.map(sayUnknown));
    });
  }

  #engage(
    turn: Turn,
    { scope, reason, except }: EngageRequest,
    by: Principal,
  ): Engaged | { readonly unknown: readonly [UnknownName, ...UnknownName[]] } {
    const [first, ...rest] = [...this.#unknownScope(turn.book, scope), ...this.#unknownRequesters(except)];
    if (first !== undefined) return { unknown: [first, ...rest] };
    const engaged: EngagedSwitch = {
      id: freshId(),
      scope,
      reason: reason ?? '',
      except,
      ...('dimension' in scope && { lacking: this.#lacking(scope.dimension) }),
      engagedAt: turn.draft.at,
      engagedBy: by.name,
    };
    const inScope = inScopeOf(engaged, turn.book);
    const waiting = inScope.filter(({ phase }) => phase === 'waiting');
    const reached = {
      on_the_wire: inScope.filter(isOnTheWire).map(({ id }) => id),
      stopped: waiting.filter(operation => !isOnTheWire(operation)).map(({ id }) => id),
    };
    turn.draft.append('kill_switch', {
      event: 'engage',
      id: engaged.id,
      scope,
      reason: engaged.reason,
      except,
      ...(engaged.lacking && { lacking: engaged.lacking }),
      by: by.name,
      ...reached,
    });
    // What is left waits in its scope, and is stopped where it would be claimed (claim-waiting.ts).
    stopWaiting(turn, engaged, by);
    crashPoint('engage.drafted');
    return { ...viewOf(engaged), ...reached };
  }

  /** @returns undefined for an unknown switch; a refusal (409) for one that is released already */
  async release(
    id: string,
    reason: string,
    by: Principal,
    isStillKnown: () => boolean,
  ): Promise<object | Refusal | undefined> {
    const { ledger } = this.#options;
    const tryOnce = async () =>
      await this.#inLine.run(
        async () =>
          await ledger.enqueueAlone(turn =>
            isStillKnown() ? this.#release(turn, { id, reason }, by) : keyTakenOut(),
          ),
      );
    let released = await tryOnce();
    while (released === 'more to stop') released = await tryOnce();
    return released;
  }

  /** Only once nothing waits any more that it has stopped for good. */
  async #release(
    turn: Turn,
    { id, reason }: { readonly id: string; readonly reason: string },
    by: Principal,
  ): Promise<object | Refusal | 'more to stop' | undefined> {
    const engaged = turn.book.switches.get(id);
    if (engaged === undefined) {
      return (await wasReleased(turn.db, id))
        ? refuse({ rule: 'request.conflict', message: `The kill switch ${id} is released already.` })
        : undefined;
    }
    if (stopWaiting(turn, engaged, by) === 'more') return 'more to stop';
    const entry = turn.draft.append('kill_switch', { event: 'release', id, reason, by: by.name });
    return { ...viewOf(engaged), released_at: entry.at, released_by: by.name, release_reason: reason };
  }

  /** What is engaged now; the kill file of this gate is listed like a switch. */
  async status(): Promise<{ readonly engaged: readonly object[] }> {
    const switches = await this.#options.ledger.enqueue(({ book }) =>
      [...book.switches.values()].map(engaged => {
        const note = whyStopsAll(engaged, book) ?? whyStopsNothing(engaged, book);
        return { ...viewOf(engaged), ...(note !== undefined && { note }) };
      }),
    );
    return { engaged: [...switches, ...this.killFile()] };
  }

  /** The kill file as a switch that nobody can release by a call; nothing where it does not engage this gate. */
  killFile(): readonly object[] {
    if (!killFileEngages(this.#options.killFile)) return [];
    return [
      {
        id: 'kill-file',
        scope: {},
        reason: sayWhyKillFile(this.#options.killFile),
        except: [],
        note: 'It stops this gate only: each gate has a kill file of its own.',
      },
    ];
  }

  #unknownScope(book: Book, scope: Scope): UnknownName[] {
    if ('action' in scope)
      return unknownName('action', scope.action, this.#options.actions.keys(), '/scope/action');
    if (!('dimension' in scope)) return [];
    const dimensions = new Set([...this.#options.kinds.values()].flatMap(kind => kind.dimensions));
    const unknown = unknownName('dimension', scope.dimension, dimensions, '/scope/dimension');
    if (unknown.length > 0) return unknown;
    if (book.hasValue(scope.dimension, scope.value)) return [];
    const values = book.valuesOf(scope.dimension);
    return unknownName(`value of ${scope.dimension}`, scope.value, values, '/scope/value');
  }

  #lacking(dimension: string): readonly string[] {
    return [...this.#options.kinds.values()]
      .filter(({ dimensions }) => !dimensions.includes(dimension))
      .map(({ name }) => name);
  }

  /** Who may never ask is let through in vain: whoever named an operator would wait for a repair that stands still. */
  #unknownRequesters(except: readonly string[]): UnknownName[] {
    const requesters = this.#options.principals.filter(({ roles }) => roles.has('requester'));
    const names = requesters.map(({ name }) => name);
    return except.flatMap((name, index) =>
      unknownName(
        'requester',
        name,
        names,
        `/except/${index}`,
        near => near ?? 'a principal with the role requester, or none',
      ),
    );
  }
}

/** Whoever cannot find the name in time stops everything. */
const orEverything = (near?: string): string =>
  near === undefined ? '{} stops everything' : `${near}, or {} for everything`;

interface UnknownName {
  readonly what: string;
  readonly name: string;
  readonly known: readonly string[];
  readonly pointer: string;
  readonly remedyOf: (near?: string) => string;
}

function unknownName(
  what: string,
  name: string,
  names: Iterable<string>,
  pointer: string,
  remedyOf = orEverything,
): UnknownName[] {
  const known = [...names];
  return known.includes(name) ? [] : [{ what, name, known, pointer, remedyOf }];
}

/** Which name was meant takes a walk over all of them, there may be as many as racks: not in the ledger's turn, where other stops wait for it. */
function sayUnknown({ what, name, known, pointer, remedyOf }: UnknownName): Reason {
  const near = nearestName(name, known);
  const hint =
    near === undefined ? `known are ${known.slice(0, 10).join(', ') || 'none'}.` : `did you mean ${near}?`;
  return {
    rule: 'request.invalid',
    message: `There is no ${what} ${quote(name)}: ${hint} Nothing was engaged.`,
    pointer,
    remedy: remedyOf(near),
  };
}

/**
 * Sent, or about to be, and nobody has said yet what became of it. So is what the executor accepted, and what was sent, got
 * no answer, and waits for another try; and a second attempt whose outcome an answer to the first one settled.
 */
const isOnTheWire = ({ phase, outcome, wasUnknown, attempts }: Operation): boolean => {
  const isOpen = outcome === 'pending' || outcome === 'unknown';
  if (phase === 'claimed') return isOpen || attempts > 1;
  return isOpen && (phase === 'accepted' || (phase === 'waiting' && wasUnknown));
};

const inScopeOf = (engaged: EngagedSwitch, book: Book): readonly Operation[] =>
  [...book.operations()].filter(operation => stops(engaged, stoppableOf(operation), book));

/**
 * Stops what waits in its scope, also what was sent once and waits for another try: no other is made. As much as a batch of requests may be, for
 * the head is locked: an executor that hangs may have thousands in line.
 * @returns whether more of it waits
 */
function stopWaiting(turn: Turn, engaged: EngagedSwitch, by: Principal): 'more' | 'none' {
  const share = new Share(turn);
  for (const operation of inScopeOf(engaged, turn.book)) {
    if (operation.phase !== 'waiting') continue;
    if (share.isFull()) return 'more';
    recordEvent(turn, operation, stoppedBy(engaged), by.name);
    share.look(operation);
  }
  return 'none';
}

const viewOf = (engaged: EngagedSwitch) => ({
  id: engaged.id,
  scope: engaged.scope,
  reason: engaged.reason,
  except: engaged.except,
  engaged_at: engaged.engagedAt,
  engaged_by: engaged.engagedBy,
});
