import { sql } from 'kysely';

import { weightsOf, type Action, type Kind, type Principal } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import { EvidenceRoom, type EvidenceRequest } from '../../src/evidence/evidence.ts';
import { definitionOf } from '../../src/inventory/describe-kind.ts';
import { Inventory } from '../../src/inventory/inventory.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { isRefusal, type Refusal } from '../../src/kit/refusal.ts';
import { KillSwitch } from '../../src/kill-switch/kill-switch.ts';
import { activatePolicy } from '../../src/ledger/activate.ts';
import { budgetItems, type BudgetItem } from '../../src/ledger/budgets.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { toOperation } from '../../src/ledger/operation-row.ts';
import { findOperation } from '../../src/ledger/queries.ts';
import { decideRequest } from '../../src/ledger/request.ts';
import { jobOf, type Submission } from '../../src/ledger/submission.ts';
import type { Decided, Deciding } from '../../src/ledger/deciding.ts';
import type { Turn } from '../../src/ledger/turn.ts';
import { claimWaiting } from '../../src/outcome/claim-waiting.ts';
import { recordEvent } from '../../src/outcome/record-event.ts';
import type { Event } from '../../src/outcome/transition.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { findByIds } from '../../src/targets/queries.ts';
import { freezeFound, resolveTargets } from '../../src/targets/resolve.ts';
import type { Target, TargetSet } from '../../src/targets/target-set.ts';
import { validated } from '../../src/validate/validated.ts';
import type { Clock } from '../../src/kit/clock.ts';
import { quiet } from '../support/gate-parts.ts';
import { KIND, type ActionTraits, type Asked, type Host, type ModelSwitch } from './budget-history.ts';

/* The gates that a model is held against: real ledgers over one store, with all that moves what they decide on. */

const YEARS_MS = 10 * 365 * 86_400_000;

export const kind: Kind = {
  name: KIND,
  dimensions: ['region'],
  state: { label: 'state', inService: ['serving'] },
  labels: [],
  optional: [],
  maxAgeMs: YEARS_MS,
  maxShrinkPpm: 1_000_000,
  maxChangePpm: 1_000_000,
};

const actionOf = (name: string, { irreversible, concurrency, timeoutMs }: ActionTraits): Action => ({
  name,
  kind: KIND,
  irreversible,
  executor: {
    url: new URL('http://127.0.0.1:1/'),
    timeoutMs,
    concurrency,
    validForMs: YEARS_MS,
    idempotent: false,
  },
});

const principalOf = (name: string, role: 'requester' | 'operator' | 'inventory'): Principal => ({
  name,
  keys: [],
  roles: new Set([role]),
  actions: new Set(),
});

const revision = {
  digest: 'sha256:policy',
  bundle: { revision: 'test', digest: 'sha256:test' },
  limitsDigest: 'sha256:limits',
};

/** A request with its idempotency key, and whether a look-up has not found the key before. */
export interface Sent extends Asked {
  readonly key: string;
  readonly keyWasFree: boolean;
  readonly artifact?: string;
  readonly generation?: number;
}

export interface Answered {
  readonly decided: Decided;
  /** What the policy was asked with, where it was. */
  readonly facts: Facts | undefined;
}

export interface GatesOptions {
  readonly store: Store;
  readonly policy: Policy;
  readonly traits: Readonly<Record<string, ActionTraits>>;
  readonly requesters: readonly string[];
  /** All targets that there ever are. */
  readonly ids: readonly string[];
  readonly clock: Clock;
  /** `kind` where a test does not say another. */
  readonly kind?: Kind;
}

/** One gate's ledger, and what works through it. Another one over the same store is another gate, or the same after a restart. */
export class OneGate {
  readonly #options: GatesOptions;
  readonly #kind: Kind;
  readonly #actions: ReadonlyMap<string, Action>;
  readonly #ledger: Ledger;
  readonly #killSwitch: KillSwitch;
  readonly #inventory: Inventory;
  readonly #evidence: EvidenceRoom;
  readonly #targets = new Map<number, readonly Target[]>();
  failedBatches = 0;

  constructor(options: GatesOptions) {
    this.#options = options;
    this.#kind = options.kind ?? kind;
    const { store, policy, clock, requesters } = options;
    this.#actions = new Map(
      Object.entries(options.traits).map(([name, traits]) => [name, actionOf(name, traits)]),
    );
    const kinds = new Map([[KIND, this.#kind]]);
    const ledger = new Ledger({
      db: store.db,
      kinds,
      actions: this.#actions,
      limits: policy.limits,
      clock,
      logger: quiet,
      onOperation: () => undefined,
      onOutcome: () => undefined,
      onBatch: () => undefined,
      onFailedBatch: () => (this.failedBatches += 1),
    });
    this.#ledger = ledger;
    this.#killSwitch = new KillSwitch({
      ledger,
      actions: this.#actions,
      kinds,
      principals: requesters.map(name => principalOf(name, 'requester')),
      killFile: '/nonexistent/KILL',
    });
    this.#evidence = new EvidenceRoom({ ledger, kinds, policy: undefined });
    this.#inventory = new Inventory({
      db: store.db,
      embedded: store.embedded,
      kinds,
      clock,
      logger: quiet,
      ledger: {
        arrive: async () =>
          await ledger.enqueue(({ nowMs, draft }) => ({ nowMs, seq: draft.seq, isStale: false })),
        flip: async flip =>
          await ledger.enqueueAlone(async ({ tx, draft }) => {
            const at = { nowMs: draft.nowMs, seq: draft.seq + 1, version: draft.version, isStale: false };
            const flipped = await flip(tx, at);
            if (!isRefusal(flipped)) draft.append('inventory', flipped);
            return flipped;
          }),
      },
    });
  }

  get #isWeighed(): boolean {
    return weightsOf(this.#kind).length > 0;
  }

  /** Makes the policy the active one, as a gate does at its start. */
  async start(): Promise<void> {
    await this.#ledger.enqueueAlone(turn => activatePolicy(turn, revision, false, 'gate'));
  }

  /** Requests that come at once: one batch. `breakAt` puts a job among them that fails, so that the batch does. */
  /** @param first what is done in the same turn, before them */
  async ask(
    sent: readonly Sent[],
    breakAt?: number,
    first?: () => Promise<void>,
  ): Promise<readonly Answered[]> {
    const submissions = [];
    for (const one of sent) submissions.push(await this.#submission(one));
    const done = first?.();
    const answers = submissions.map(async ({ submission, sent: one }, index) => {
      if (index === breakAt) this.#break();
      return await this.#decide(submission, one);
    });
    await done;
    return await Promise.all(answers);
  }

  #break(): void {
    void this.#ledger
      .enqueue(() => {
        throw new Error('a bug');
      })
      .catch(() => undefined);
  }

  async #submission(sent: Sent): Promise<{ readonly submission: Submission; readonly sent: Sent }> {
    const { principal, counted, key, artifact, generation } = sent;
    const action = this.#action(sent.action);
    const [first, ...rest] = sent.ids;
    if (first === undefined) throw new Error('a test that asks for nothing');
    const ids = [first, ...rest] as const;
    const inForce = this.#ledger.revisionOf(KIND);
    const resolved =
      inForce === undefined
        ? {}
        : { resolved: { revision: inForce, result: await this.#resolve(ids, inForce) } };
    const submission: Submission = {
      mode: counted ? 'request' : 'preflight',
      asked: {
        principal: principalOf(principal, 'requester'),
        body: {},
        bodyDigest: sha256(JSON.stringify([sent.action, ids, artifact, generation])),
        ...(counted && { idempotencyKey: key }),
      },
      action,
      validated: validated({
        action,
        kind: this.#kind,
        named: { ids },
        parameters: {},
        reason: 'a test',
        ...(artifact !== undefined && { artifact }),
        ...(generation !== undefined && { plan: { name: 'plan', generation } }),
      }),
      ...resolved,
    };
    return { submission, sent };
  }

  /** A revision's targets are read once: most of a run's time would go into it. */
  async #resolve(ids: readonly [string, ...string[]], revision: number): Promise<TargetSet | Refusal> {
    const { db } = this.#options.store;
    const targets =
      this.#targets.get(revision) ??
      (await findByIds(db, KIND, this.#options.ids, revision, this.#isWeighed));
    this.#targets.set(revision, targets);
    const found = targets.filter(({ id }) => ids.includes(id));
    return found.length === ids.length
      ? freezeFound(KIND, revision, found, { ids })
      : await resolveTargets(db, KIND, { ids }, revision, this.#isWeighed);
  }

  async #decide(submission: Submission, { keyWasFree }: Sent): Promise<Answered> {
    let facts: Facts | undefined;
    const { policy } = this.#options;
    const loaded: Policy = {
      ...policy,
      evaluate: asked => {
        facts = asked;
        return policy.evaluate(asked);
      },
    };
    const deciding: Deciding = {
      gateId: 'gate',
      policy: { loaded, digest: revision.digest },
      definitions: new Map([[KIND, definitionOf(this.#kind)]]),
      killFileEngages: () => false,
      observers: new Set(['bot', 'observer', 'watcher']),
      resolve: async (turn, { named }, at) => await resolveTargets(turn.db, KIND, named, at, this.#isWeighed),
    };
    const decided = await this.#ledger.enqueue(turn => decideRequest(turn, submission, deciding), {
      ...jobOf(submission),
      keyWasFree,
    });
    return { decided, facts };
  }

  #action(name: string): Action {
    const action = this.#actions.get(name);
    if (action === undefined) throw new Error(`no action ${name}`);
    return action;
  }

  async say(evidence: EvidenceRequest, by: string): Promise<void> {
    const said = await this.#evidence.post(evidence, principalOf(by, 'inventory'), () => true);
    if (isRefusal(said)) throw new Error(said.reasons[0].message);
  }

  async event(id: string, event: Event): Promise<void> {
    await this.#ledger.enqueue(async turn => {
      const operation = turn.book.operation(id) ?? (await this.#ended(turn, id));
      const after = recordEvent(turn, operation, event, 'gate');
      if ('conflict' in after) throw new Error(after.conflict);
    });
  }

  async #ended(turn: Turn, id: string) {
    const row = await findOperation(turn.db, id);
    if (row === undefined) throw new Error(`no operation ${id}`);
    return toOperation(row);
  }

  /** Claims what waits for an action. */
  async claim(action: string): Promise<void> {
    await this.#ledger.enqueue(async turn => {
      const claiming = {
        gateId: 'gate',
        actions: this.#actions,
        kinds: new Map([[KIND, this.#kind]]),
        definitions: new Map([[KIND, definitionOf(this.#kind)]]),
        policyDigest: revision.digest,
        limits: this.#options.policy.limits,
        killFileEngages: () => false,
        observers: new Set(['bot', 'observer', 'watcher']),
        resolveIds: async (_: Turn, name: string, [first = '', ...rest]: readonly string[], at: number) =>
          await resolveTargets(turn.db, name, { ids: [first, ...rest] }, at),
      };
      await claimWaiting(turn, claiming, action, 'all');
    });
  }

  async engage({ scope, except }: Omit<ModelSwitch, 'id'>): Promise<string> {
    const { action, region } = scope;
    const engaged = await this.#killSwitch.engage(
      {
        scope:
          action !== undefined
            ? { action }
            : region !== undefined
              ? { dimension: 'region', value: region }
              : {},
        except,
      },
      principalOf('oncall', 'operator'),
    );
    if (isRefusal(engaged)) throw new Error(engaged.reasons[0].message);
    return engaged.id;
  }

  async release(id: string): Promise<void> {
    await this.#killSwitch.release(id, 'over', principalOf('oncall', 'operator'), () => true);
  }

  async load(hosts: ReadonlyMap<string, Host>, asOfMs: number): Promise<void> {
    await this.loadLines(
      [...hosts].map(([id, labels]) => ({ id, labels })),
      asOfMs,
    );
  }

  /** A snapshot by one of the kind's feeds. */
  async loadLines(each: readonly object[], asOfMs: number, by = 'feed'): Promise<void> {
    const lines = each.map(line => `${JSON.stringify(line)}\n`).join('');
    const loaded = await this.#inventory.put({
      kind: KIND,
      by: principalOf(by, 'inventory'),
      isStillKnown: () => true,
      query: new Map([['as_of', new Date(asOfMs).toISOString()]]),
      format: 'ndjson',
      content: streamOf(lines),
    });
    if (loaded === undefined || isRefusal(loaded)) throw new Error(JSON.stringify(loaded));
    await this.#inventory.tidied();
  }

  async budgets(): Promise<readonly BudgetItem[]> {
    const { policy } = this.#options;
    const declared = { actions: this.#actions };
    return await this.#ledger.enqueue(turn => budgetItems(turn, policy.limits, declared));
  }

  /** Everything spent, batch by batch, as the rows say. */
  async spends() {
    const { rows } = await sql<{
      at: number;
      action: string;
      principal: string;
      dimension: string;
      value: string;
      count: number;
    }>`
      select (extract(epoch from at) * 1000)::float8 as at, action, principal, dimension, value, count::int as count
      from spends order by at`.execute(this.#options.store.db);
    return rows;
  }
}

async function* streamOf(text: string): AsyncGenerator<Uint8Array, void> {
  await Promise.resolve();
  yield Buffer.from(text);
}
