import { existsSync } from 'node:fs';
import path from 'node:path';
import { readChain } from '../../checkpoint/queries.ts';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { nameOf } from '../../checkpoint/restored.ts';
import type { Config, Kind } from '../../config/config.ts';
import { findHolder } from '../../db/folder-lock.ts';
import { refuseMissingRights } from '../../db/grants.ts';
import { refuseMissingGuards } from '../../db/guards.ts';
import { compareMigrations } from '../../db/migrate.ts';
import { refuseMissingRows } from '../../db/missing-rows.ts';
import { refuseTakenNumbers } from '../../db/numbering.ts';
import { openStore, type Store } from '../../db/store.ts';
import { StoreRefused } from '../../db/store-refused.ts';
import { countProtected, describeExceptions } from '../../describe-policy.ts';
import { showStore } from '../../describe-start.ts';
import { showCount } from '../../kit/units.ts';
import type { LoadedPolicy } from '../../load-policy.ts';
import { definitionOf } from '../../inventory/describe-kind.ts';
import { readInForce } from '../../inventory/load-queries.ts';
import type { Clock } from '../../kit/clock.ts';
import { asError } from '../../kit/fault.ts';
import { createLogger } from '../../kit/logger.ts';
import { MAX_CLOCK_PART_MS } from '../../ledger/clock-watch.ts';
import { readHead, readHeld } from '../../ledger/queries.ts';
import { noInventory, staleReasons } from '../../ledger/stale.ts';
import { readLoadedKinds } from '../../targets/queries.ts';
import { findUndeclared } from '../../warn-of-undeclared.ts';
import { showDuration } from '../times.ts';
import { countOf } from '../table.ts';
import type { NextCommand } from '../next-command.ts';
import { sayExceptions } from './exceptions.ts';
import { findingsOf, type Finding } from './finding.ts';
import { sayOutcomes } from './gauges.ts';
import { sayProtected } from './protected.ts';
import { sayUndeclared } from './undeclared.ts';
import { askServer, countUnknown, readGrowth, readPolicies, readLoadedSources } from './queries.ts';

/** A doctor does not wait as a gate does. */
const patience = { poolSize: 1, statementTimeoutMs: 10_000, idleInTransactionMs: 10_000, silenceMs: 10_000 };

export interface Around {
  readonly config: Config;
  readonly clock: Clock;
  /** What a gate would start with. */
  readonly loaded: LoadedPolicy | undefined;
  /** What the database must hold. */
  readonly newest: Checkpoint | undefined;
  /** How the next steps at its gate are typed. */
  readonly next: NextCommand;
}

export interface StoreFound {
  readonly findings: readonly Finding[];
  /** Whether another process has the embedded store: then what is in it is asked of that one. */
  readonly held: boolean;
  /** Whether it was looked into. */
  readonly read: boolean;
  /** Whether a gate has run with it; also where that cannot be told. */
  readonly used: boolean;
}

type Looked = Pick<StoreFound, 'findings' | 'read' | 'used'>;

/** What the store says, read only. An embedded one that another process holds, or that is not there yet, is not opened. */
export async function checkStore(around: Around): Promise<StoreFound> {
  const { store } = around.config;
  const { ok, warn, unknown } = findingsOf('database');
  if (store.type === 'server') return { held: false, ...(await look(around)) };
  if (!existsSync(path.join(store.folder, 'data')))
    return {
      held: false,
      read: false,
      used: false,
      findings: [
        ok(`no store in ${store.folder} yet: the first start makes it`),
        ...checkEmpty(around.newest),
      ],
    };
  try {
    const holder = await findHolder(store.folder);
    if (holder === undefined) return { held: false, ...(await look(around)) };
    const said = `${store.folder} is held by ${holder.who}`;
    return {
      held: true,
      read: false,
      used: true,
      findings: [
        holder.alive
          ? ok(`${said}: it is asked over HTTP`)
          : warn(
              `${said}, and it cannot be seen from here whether that still runs`,
              `once you are sure that no gate uses the store, on this machine or another, delete ${holder.file}`,
            ),
      ],
    };
  } catch (thrown) {
    const why = asError(thrown).message;
    return {
      held: false,
      read: false,
      used: true,
      findings: [unknown(`${store.folder} cannot be read: ${why}`, 'look as the user of the gate')],
    };
  }
}

async function look(around: Around): Promise<Looked> {
  const { store: config } = around.config;
  const { fail } = findingsOf('database');
  let store: Store | undefined;
  try {
    store = await openStore(config, createLogger('silent'), patience);
    return await lookInto(store, around);
  } catch (thrown) {
    const refused = thrown instanceof StoreRefused;
    const message = refused ? thrown.message : `${showStore(config)}: ${asError(thrown).message}`;
    const todo = refused
      ? 'a gate does not decide on it like this'
      : 'nothing is decided until it answers; the kill file works without it';
    return { findings: [fail(message, todo)], read: false, used: true };
  } finally {
    await store?.close();
  }
}

async function lookInto(store: Store, around: Around): Promise<Looked> {
  const { ok } = findingsOf('database');
  const startMs = around.clock.monotonicMs();
  const before = around.clock.wallMs();
  const { version, now_ms: nowMs } = await askServer(store);
  const tookMs = around.clock.monotonicMs() - startMs;
  await refuseMissingRights(store.pool);
  const { landed, missing } = await compareMigrations(store.pool);
  const at = store.embedded ? 'embedded' : showStore(around.config.store);
  const found = [
    ok(`PostgreSQL ${version}, ${at}${store.embedded ? '' : `, answers in ${Math.ceil(tookMs)} ms`}`),
    checkMigrations(landed, missing),
    checkClock(nowMs - (before + tookMs / 2), store.embedded),
  ];
  // What else is looked at has no table yet.
  if (missing.length > 0) {
    const findings = landed > 0 ? found : [...found, ...checkEmpty(around.newest)];
    return { findings, read: false, used: landed > 0 };
  }
  await refuseMissingGuards(store.db);
  await refuseMissingRows(store.pool);
  await refuseTakenNumbers(store.pool);
  const findings = [
    ...found,
    ...(await checkChain(store, around.newest)),
    ...(await checkActive(store, around.loaded)),
    ...(
      await Promise.all(
        [...around.config.kinds.values()].map(async kind => await checkKind(store, kind, around.next)),
      )
    ).flat(),
    ...(await checkProtected(store, around)),
    ...(await checkOutcomes(store, around.next)),
    ...sayUndeclared(findUndeclared(await readHeld(store.db), around.config), around.next),
    ...(await checkExceptions(store, around.loaded, nowMs)),
  ];
  return { findings, read: true, used: true };
}

function checkMigrations(landed: number, missing: readonly string[]): Finding {
  const { ok, warn } = findingsOf('migrations');
  if (missing.length === 0) return ok(`all ${landed} have landed`);
  if (landed === 0) return ok('a new database: the first start makes its tables');
  return warn(
    `${missing.join(', ')} has not landed`,
    'the next start lands it; make a backup before (migrations/README.md)',
  );
}

function checkClock(aheadMs: number, embedded: boolean): Finding {
  const { ok, warn, fail } = findingsOf('clock');
  if (embedded) return ok("the database has this machine's clock");
  const said = `the database's clock is ${Math.abs(aheadMs) < 10_000 ? `${Math.abs(Math.round(aheadMs))} ms` : showDuration(Math.abs(aheadMs) / 1000)} ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine's`;
  const todo = `a gate that starts decides nothing where they are more than ${MAX_CLOCK_PART_MS / 1000} s apart, and one that runs only if the time was accepted: set them right (NTP)`;
  if (Math.abs(aheadMs) > MAX_CLOCK_PART_MS) return fail(said, todo);
  return Math.abs(aheadMs) > 1_000 ? warn(said, todo) : ok(said);
}

/** Where something was signed, a start makes no tables: somebody may be about to restore into them, or `store` names another database. */
function checkEmpty(newest: Checkpoint | undefined): Finding[] {
  if (newest === undefined) return [];
  const { fail } = findingsOf('checkpoints');
  return [fail(`the database is empty, and entry ${newest.seq} was signed of another`, sayNoStart(newest))];
}

const sayNoStart = (newest: Checkpoint): string =>
  `no gate starts on it: put the newer database back, or read docs/on-call.md before \`serve --restored ${nameOf(newest)}\``;

async function checkChain(store: Store, newest: Checkpoint | undefined): Promise<Finding[]> {
  const clock = findingsOf('clock');
  const checkpoints = findingsOf('checkpoints');
  const { at_ms: lastMs, db_now_ms: nowMs, seq } = await readHead(store.db);
  const ahead =
    lastMs - nowMs > MAX_CLOCK_PART_MS
      ? [
          clock.fail(
            `the last entry, ${seq}, is ${showDuration((lastMs - nowMs) / 1000)} in the future`,
            'nothing is decided until then, or until an operator accepts the time: docs/on-call.md',
          ),
        ]
      : [];
  if (newest === undefined) return ahead;
  const { hashAt } = await readChain(store.db, newest.seq);
  if (hashAt === newest.hash) return ahead;
  return [
    ...ahead,
    checkpoints.fail(
      `the database ends with entry ${seq}, and does not hold entry ${newest.seq} as it was signed: an older copy, or another history`,
      sayNoStart(newest),
    ),
  ];
}

async function checkActive(store: Store, loaded: LoadedPolicy | undefined): Promise<Finding[]> {
  if (loaded === undefined) return [];
  const { ok, warn } = findingsOf('policy');
  const { digest } = loaded.revision;
  const digests = await readPolicies(store);
  const active = digests.at(-1);
  if (active === digest) return [ok('this revision is the active one')];
  if (active === undefined) return [ok('no revision is active yet: the first start makes this one so')];
  return digests.includes(digest)
    ? [
        warn(
          `this revision was active before, and ${active} is now: a gate with it answers 503 policy.stale`,
          'bring the files that are active and send SIGHUP; `serve --activate` only to turn every gate back to these',
        ),
      ]
    : [
        warn(
          `active is ${active}: the next start with these files makes theirs the active one`,
          'gates with the old files are stale from then on: restart all of them',
        ),
      ];
}

/** A snapshot that has less than a quarter of its time left is told before it is too late. */
const SOON = 0.75;

async function checkKind(store: Store, kind: Kind, next: NextCommand): Promise<Finding[]> {
  const { fail } = findingsOf('inventory');
  const inForce = await readInForce(store.db, kind.name);
  const { db_now_ms: nowMs } = await readHead(store.db);
  const load = next(`inventory load ${kind.name} FILE`, 'another');
  if (inForce === undefined) return [fail(noInventory(kind).message, load)];
  const sources = new Map((await readLoadedSources(store, kind.name)).map(one => [one.source, one]));
  const state = { ...inForce, sources };
  const reasons = staleReasons(kind, definitionOf(kind), state, nowMs);
  // Of several sources each is loaded with a key of its own.
  const principals = new Map(kind.sources?.map(({ name, principal }) => [name, principal]));
  if (reasons.length > 0)
    return reasons.map(({ message, value = '' }) => {
      const by = principals.get(value);
      return fail(message, by === undefined ? load : `${load}, with the key of ${by}`);
    });
  const ages = (kind.sources ?? []).flatMap(({ name, principal, maxAgeMs }) => {
    const loaded = sources.get(name);
    const what = `${kind.name}, source ${name}: read`;
    return loaded === undefined
      ? []
      : [sayAge(what, nowMs - loaded.asOfMs, maxAgeMs, `${load}, with the key of ${principal}`)];
  });
  const said = `${kind.name}: ${countOf(state.count, 'target')}`;
  return [
    ...(ages.length > 0
      ? [findingsOf('inventory').ok(said), ...ages]
      : [sayAge(`${said}, read`, nowMs - state.asOfMs, kind.maxAgeMs, load)]),
    ...(await checkGrowth(store, kind.name, nowMs)),
  ];
}

/** Somebody looks at a doctor's findings once in so long, one hopes. */
const GROWTH_TOLD_MS = 7 * 86_400_000;

async function checkGrowth(store: Store, kind: string, nowMs: number): Promise<Finding[]> {
  const grown = await readGrowth(store, kind, nowMs - GROWTH_TOLD_MS);
  if (grown === undefined) return [];
  const { before, after, loadedAtMs } = grown;
  const ago = showDuration(Math.max(0, nowMs - loadedAtMs) / 1000);
  return [
    findingsOf('inventory').warn(
      `${kind}: a load made ${showCount(after)} of ${countOf(before, 'target')} ${ago} ago: each share of them is so much larger`,
      'see whether the source has one target under two names; if it is right, there is nothing to do',
    ),
  ];
}

function sayAge(what: string, ageMs: number, maxAgeMs: number, load: string): Finding {
  const { ok, warn } = findingsOf('inventory');
  const said = `${what} ${showDuration(ageMs / 1000)} ago, of at most ${showDuration(maxAgeMs / 1000)}`;
  return ageMs > maxAgeMs * SOON ? warn(said, load) : ok(said);
}

async function checkProtected({ db }: Store, { loaded }: Around): Promise<Finding[]> {
  if (loaded === undefined) return [];
  const kinds = await readLoadedKinds(db);
  const entries = await countProtected(db, loaded.policy.limits);
  // Before the first load there is nothing that it could match.
  return sayProtected(entries.filter(({ kind }) => kinds.has(kind)));
}

async function checkOutcomes(store: Store, next: NextCommand): Promise<Finding[]> {
  return [sayOutcomes(next, await countUnknown(store))];
}

async function checkExceptions(
  store: Store,
  loaded: LoadedPolicy | undefined,
  nowMs: number,
): Promise<Finding[]> {
  return loaded === undefined
    ? []
    : sayExceptions(await describeExceptions(store.db, loaded.policy.limits, nowMs));
}
