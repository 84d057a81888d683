import { MAX_AGE_MS, type ActionName } from './gates.ts';
import { History, sameLabels, TEAMS, type Host, type Operation } from './history.ts';
import { within, type Entry, type Excepted, type WindowSaid } from './said.ts';
import { isBusy, type Asked, type Seen, type Sent, type Stopping } from './story.ts';

/* What an operator takes the limits to mean, held against what happened. Of what the gate counts or remembers nothing is known here. */

/** What was answered, as far as it is looked at. */
export interface Heard {
  readonly id: string;
  readonly decision: string;
  readonly rules: readonly string[];
  readonly exceptions: readonly string[];
}

/** Of which value evidence is wanted; undefined for the artifact as a whole. */
const valueOf = (per: 'rack' | 'team' | undefined, host: Host): string | undefined =>
  per === undefined ? undefined : `${per} ${host[per]}`;

export class Promises extends History {
  // What must not be sent.

  protected override againstSending(one: Operation, sent: Sent): string[] {
    const { action, ids } = one;
    const others = this.operations.filter(other => other !== one);
    const wrong = this.againstSendingAny(one, sent);
    const no = (what: string, isSo: boolean): void => void (isSo && wrong.push(what));
    no('frozen', this.#isFrozen(one, this.nowMs));
    no('other limits', one.said !== this.said);
    no('stale', this.#isStale());
    no(
      'drifted',
      [...one.hosts].some(([id, then]) => !sameLabels(then, this.hosts.get(id))),
    );
    no(
      'done already',
      action === 'disk.wipe' && others.some(other => ids.some(id => this.#isDone(other, 'disk.wipe', id))),
    );
    const entry = this.said.actions[action];
    no(
      'overtaken',
      entry?.plan === true &&
        others.some(
          other =>
            other.action === action &&
            other.came.length > 0 &&
            (other.generation ?? -1) > (one.generation ?? -1),
        ),
    );
    no(
      'seen to fail',
      (entry?.evidence ?? []).some(({ name, per }) =>
        [...one.hosts.values()].some(host => {
          const last = this.#standing(one, name, valueOf(per, host));
          return last?.status === 'failed' && last.order > one.seq;
        }),
      ),
    );
    return wrong;
  }

  override isStoppedBy(
    { action, region, except }: Stopping,
    one: Asked & { readonly hosts?: Operation['hosts'] },
  ): boolean {
    if (except.includes(one.by)) return false;
    if (action !== undefined) return action === one.action;
    if (region === undefined) return true;
    return one.ids.some(id => one.hosts?.get(id)?.region === region || this.hosts.get(id)?.region === region);
  }

  #isStale(): boolean {
    return this.nowMs - this.asOfMs > MAX_AGE_MS;
  }

  #isFrozen({ action, by }: Asked, atMs: number): boolean {
    return this.said.freezes.some(
      ({ actions, fromMs, untilMs, except }) =>
        actions.includes(action) &&
        fromMs <= atMs &&
        (untilMs === undefined || atMs < untilMs) &&
        except?.includes(by) !== true,
    );
  }

  #isDone({ action, state, ids, shown }: Operation, asked: ActionName, id: string): boolean {
    return (
      action === asked &&
      ids.includes(id) &&
      (state === 'unknown' || (state === 'delivered' && !shown.has(id)))
    );
  }

  /** The newest word of others that says something of that value, or of all: a failure of either stands. */
  #standing({ by, artifact }: Asked, name: string, of: string | undefined): Seen | undefined {
    const others = this.seen.filter(one => one.artifact === artifact && one.name === name && one.by !== by);
    // Of the whole a failure of any value counts; of a value that of the whole.
    const passes = others.filter(one => one.status === 'passed' && one.of === of);
    const passed = passes.at(-1);
    const against = others.filter(
      one =>
        one.status !== 'passed' &&
        one.order > (passed?.order ?? 0) &&
        (of === undefined || one.of === undefined || one.of === of),
    );
    return against.findLast(one => one.status === 'failed') ?? against.at(-1) ?? passed;
  }

  // What must not be allowed.

  /** Rules that a request breaks now. */
  against(asked: Asked, entry = this.said.actions[asked.action]): string[] {
    const { action, ids } = asked;
    const all = ids.map(id => this.hosts.get(id));
    const rules = new Set<string>();
    const no = (rule: string, isSo: boolean): void => void (isSo && rules.add(rule));
    if (this.jumped) return ['clock.jumped'];
    const unresolved = [
      ...(this.#isStale() ? ['inventory.stale'] : []),
      ...(all.includes(undefined) ? ['targets.unknown'] : []),
    ];
    if (unresolved.length > 0) return unresolved;
    const own = all.filter(host => host !== undefined);
    no(
      'kill_switch.engaged',
      this.engaged.some(each => this.isStoppedBy(each, asked)),
    );
    no(
      'targets.in_operation',
      this.operations.some(one => isBusy(one) && one.ids.some(id => ids.includes(id))),
    );
    no(
      'targets.already_done',
      action === 'disk.wipe' && this.operations.some(one => ids.some(id => this.#isDone(one, action, id))),
    );
    no('freeze.in_force', this.#isFrozen(asked, this.nowMs));
    no(
      'protected.target',
      ids.some(id => this.said.protectedIds.includes(id)) ||
        own.some(({ rack }) => this.said.protectedRacks.includes(rack)),
    );
    for (const limit of this.said.budgets)
      no('budget.window', !this.#fitsWindow(limit, asked, own, undefined));
    if (entry === undefined) return [...rules, 'policy.no_limits'].toSorted();
    this.#limits(asked, entry, own, no);
    no('budget.requests', this.#fullRequests(asked).length > 0);
    no(
      'budget.in_flight',
      entry.maxInFlight !== undefined &&
        this.operations.filter(one => one.action === action && isBusy(one)).length >= entry.maxInFlight,
    );
    for (const { name, maxAgeS, per } of entry.evidence ?? [])
      for (const host of own) {
        const last = this.#standing(asked, name, valueOf(per, host));
        no('evidence.failed', last?.status === 'failed');
        no(
          'evidence.missing',
          last === undefined ||
            last.status === 'unknown' ||
            (last.status === 'passed' && this.nowMs - last.atMs > maxAgeS * 1000),
        );
      }
    no('evidence.missing', entry.evidence !== undefined && asked.artifact === undefined);
    if (entry.plan === true) {
      no('plan.missing', asked.generation === undefined);
      no(
        'plan.stale',
        asked.generation !== undefined &&
          this.operations.some(
            one => one.action === action && (one.generation ?? -1) > (asked.generation ?? -1),
          ),
      );
    }
    return [...rules].toSorted();
  }

  #limits(asked: Asked, entry: Entry, own: readonly Host[], no: (rule: string, isSo: boolean) => void): void {
    const fleet = [...this.hosts.values()];
    const dimensions = ['region', 'rack'] as const;
    no('blast_radius.max_targets', own.length > entry.maxTargets);
    const sumOf = (hosts: readonly Host[]): number => hosts.reduce((sum, { traffic }) => sum + traffic, 0);
    for (const [name, limit] of Object.entries(entry.maxShare))
      for (const [some, of] of this.#places(name, own, fleet))
        no('blast_radius.share', !within(some.length, of.length, limit));
    for (const [name, limit] of Object.entries(entry.maxWeight ?? {}))
      for (const [some, of] of this.#places(name, own, fleet))
        no('blast_radius.weight', !within(sumOf(some), sumOf(of), limit));
    for (const name of dimensions) {
      const values = [...new Set(own.map(host => host[name]))];
      no('blast_radius.max_values', values.length > (entry.maxValues?.[name] ?? Infinity));
      for (const value of values) {
        const here = own.filter(host => host[name] === value);
        no('blast_radius.max_per_value', here.length > (entry.maxPerValue?.[name] ?? Infinity));
        const least = entry.minRemaining?.[name];
        if (least === undefined || !here.some(({ state }) => state === 'serving')) continue;
        const stay = [...this.hosts].filter(
          ([id, host]) =>
            host[name] === value &&
            host.state === 'serving' &&
            !asked.ids.includes(id) &&
            !this.operations.some(one => this.#isTaken(one, id)),
        );
        no('blast_radius.min_remaining', stay.length < least);
      }
    }
    for (const limit of entry.windows)
      no('budget.window', !this.#fitsWindow(limit, asked, own, asked.action));
    no(
      'labels.not_allowed',
      entry.states !== undefined && own.some(({ state }) => entry.states?.includes(state) !== true),
    );
    no('principal.mismatch', entry.matchTeam === true && own.some(({ team }) => team !== TEAMS[asked.by]));
    const { ageS, recentS } = entry;
    no(
      'labels.too_young',
      ageS !== undefined &&
        own.some(({ quarantinedAtMs: at }) => at === undefined || this.nowMs - at < ageS * 1000),
    );
    no(
      'labels.too_old',
      recentS !== undefined &&
        own.some(
          ({ quarantinedAtMs: at }) =>
            at === undefined || at > this.nowMs || this.nowMs - at > recentS * 1000,
        ),
    );
  }

  #isTaken(one: Operation, id: string): boolean {
    return one.ids.includes(id) && (isBusy(one) || (one.state === 'delivered' && !one.shown.has(id)));
  }

  /** For each value of it that the request touches: which of the request and which of all are there. */
  #places(per: string, own: readonly Host[], fleet: readonly Host[]): (readonly [Host[], Host[]])[] {
    if (per !== 'region' && per !== 'rack') return [[[...own], [...fleet]]];
    return [...new Set(own.map(host => host[per]))].map(value => [
      own.filter(host => host[per] === value),
      fleet.filter(host => host[per] === value),
    ]);
  }

  #fitsWindow(
    limit: WindowSaid,
    asked: Asked,
    own: readonly Host[],
    action: ActionName | undefined,
  ): boolean {
    const { per, overS, targets, share, traffic } = limit;
    const counted = this.operations.filter(
      one =>
        this.nowMs < one.atMs + overS * 1000 &&
        (action === undefined || one.action === action) &&
        (per !== 'principal' || one.by === asked.by),
    );
    const before = counted.flatMap(({ hosts }) => [...hosts.values()]);
    const of = (host: Host): string => (per === 'region' || per === 'rack' ? host[per] : '');
    const sumOf = (hosts: readonly Host[]): number => hosts.reduce((sum, host) => sum + host.traffic, 0);
    return [...new Set(own.map(of))].every(value => {
      const here = (hosts: readonly Host[]): Host[] => hosts.filter(host => of(host) === value);
      const used = [...here(before), ...here(own)];
      const all = here([...this.hosts.values()]);
      if (targets !== undefined) return used.length <= targets;
      if (share !== undefined) return within(used.length, all.length, share);
      if (traffic === undefined) return true;
      // Of what carries nothing a window on the weight holds nothing, where there is any of it.
      return sumOf(here(own)) === 0 ? sumOf(all) > 0 : within(sumOf(used), sumOf(all), traffic);
    });
  }

  #fullRequests({ action, by }: Asked): string[] {
    return (this.said.actions[action]?.maxRequests ?? [])
      .filter(({ per, overS, max }) => {
        const name = nameOf(per, overS, max);
        const made = this.recorded.filter(
          one =>
            one.action === action &&
            (per === 'fleet' || one.by === by) &&
            this.nowMs < one.atMs + overS * 1000 &&
            !one.refusing.includes(name),
        );
        return made.length >= max;
      })
      .map(({ per, overS, max }) => nameOf(per, overS, max));
  }

  /** Whether an exception covers this request now, whatever else there is. */
  #mayUse(exception: Excepted, asked: Asked): boolean {
    const used = this.operations
      .filter(one => one.exception === exception.id)
      .reduce((sum, { ids }) => sum + ids.length, 0);
    const { selector } = exception;
    return (
      exception.action === asked.action &&
      this.nowMs < exception.untilMs &&
      used + asked.ids.length <= exception.maxTargets &&
      (exception.principal === undefined || exception.principal === asked.by) &&
      (selector === undefined ||
        asked.ids.every(id =>
          Object.entries(selector).every(([label, values]) => {
            const host = this.hosts.get(id);
            return host !== undefined && values.includes(host[label as 'rack']);
          }),
        ))
    );
  }

  /** What is wrong with an allow of this: nothing, where all limits hold, or where one exception makes them hold. */
  againstAllow(asked: Asked, named: readonly string[]): string[] {
    const plain = this.against(asked);
    const [id, ...more] = named;
    if (more.length > 0) return ['two exceptions'];
    if (id === undefined) return plain;
    const exception = this.said.exceptions.find(one => one.id === id);
    if (exception === undefined || !this.#mayUse(exception, asked))
      return [`exception ${id} does not cover it`];
    const entry = this.said.actions[asked.action];
    return entry === undefined ? plain : this.against(asked, loosen(entry, exception));
  }

  /** Exceptions under which it would be allowed. */
  #covering(asked: Asked): string[] {
    const entry = this.said.actions[asked.action];
    if (entry === undefined) return [];
    return this.said.exceptions
      .filter(one => this.#mayUse(one, asked) && this.against(asked, loosen(entry, one)).length === 0)
      .map(({ id }) => id);
  }

  /** A request was answered. Every no needs something that stands against it, too. */
  answered(asked: Asked, { id, decision, rules, exceptions }: Heard, isRecorded: boolean): void {
    const what = `${decision} ${id} ${JSON.stringify(asked)} by [${rules.join()}] under [${exceptions.join()}]`;
    const full = this.#fullRequests(asked);
    const isAllowed = decision === 'allowed';
    for (const why of isAllowed ? this.againstAllow(asked, exceptions) : this.#againstRefusing(asked, rules))
      this.wrong.push(`${what}: ${why}`);
    if (isAllowed)
      this.operations.push({
        ...asked,
        id,
        atMs: this.nowMs,
        hosts: new Map(this.#named(asked)),
        said: this.said,
        exception: exceptions[0],
        state: 'waiting',
        wasUnknown: false,
        came: [],
        settledMs: 0,
        shown: new Set(),
        seq: this.order(),
      });
    const { action, by } = asked;
    const refusing = rules.includes('budget.requests') ? full : [];
    if (isRecorded) this.recorded.push({ action, by, atMs: this.nowMs, refusing });
  }

  #named({ ids }: Asked): (readonly [string, Host])[] {
    return ids.flatMap(id => {
      const host = this.hosts.get(id);
      return host === undefined ? [] : [[id, host] as const];
    });
  }

  #againstRefusing(asked: Asked, rules: readonly string[]): string[] {
    const against = this.against(asked);
    if (against.length === 0) return ['nothing stands against it'];
    const covering = this.#covering(asked);
    if (covering.length > 0 && against.length === 1) return [`${covering.join()} covers it`];
    return spoken(against) === spoken(rules) ? [] : [`against it are ${against.join()}`];
  }
}

/** A failure of a value, where a pass is missing too, is told as either. */
const spoken = (rules: readonly string[]): string =>
  [...new Set(rules.map(rule => (rule.startsWith('evidence.') ? 'evidence' : rule)))].toSorted().join();

function loosen(entry: Entry, { set }: Excepted): Entry {
  const merged = (key: 'maxShare' | 'maxWeight' | 'maxValues' | 'maxPerValue' | 'minRemaining'): object =>
    set[key] === undefined ? {} : { [key]: { ...entry[key], ...set[key] } };
  return {
    ...entry,
    ...(set.maxTargets !== undefined && { maxTargets: set.maxTargets }),
    ...(set.windows !== undefined && { windows: set.windows }),
    ...merged('maxShare'),
    ...merged('maxWeight'),
    ...merged('maxValues'),
    ...merged('maxPerValue'),
    ...merged('minRemaining'),
  };
}

const nameOf = (per: string, overS: number, max: number): string => `${per}/${overS}/${max}`;
