import type { Kysely } from 'kysely';

import { weightsOf, type Kind } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { readMissingGuards } from '../db/guards.ts';
import { NEWEST_MIGRATION, STORE_NEWER } from '../db/migrate.ts';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import type { Limits } from '../policy/limits.ts';
import { Book, type Names } from './book.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Draft } from './draft.ts';
import { readHead, readTail, type HeadRow } from './queries.ts';
import { NO_CONTROLS, readControls, type Controls } from './read-controls.ts';
import { readCounted } from './read-counted.ts';
import { applyTail, type AcceptedTime } from './refresh.ts';

interface Options {
  readonly limits: Limits | undefined;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly actions: Names;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logger: Logger;
}

/** What this gate knows to be recorded. */
type Known = Pick<HeadRow, 'version' | 'seq' | 'hash'>;

/**
 * The book, and how it is brought to a head. Beside it stands what this gate has seen recorded: a database that has not got it
 * any more is another one, in which switches, spent budgets and used keys may be forgotten, and nothing is decided on it.
 */
export class KnownBook {
  readonly #options: Options;
  readonly #watch: Pick<ClockWatch, 'knows'>;
  #book: Book;
  #known: Known = { version: 0, seq: 0, hash: '' };
  /** Up to where the book was told what only recorded entries tell. */
  #controls: Controls = NO_CONTROLS;
  #isToldOfAnother = false;
  /** How many guards there were beside what this book was read from, when all were there. */
  #guards = 0;

  constructor(options: Options, watch: Pick<ClockWatch, 'knows'>) {
    this.#options = options;
    this.#watch = watch;
    this.#book = this.#blank();
  }

  get book(): Book {
    return this.#book;
  }

  /** The last entry that this gate has seen recorded; undefined before it has seen any. */
  get lastEntry(): Pick<Known, 'seq' | 'hash'> | undefined {
    const { seq, hash } = this.#known;
    return seq > 0 ? { seq, hash } : undefined;
  }

  isAt(head: Known): boolean {
    return this.#book.version > 0 && head.version === this.#book.version && head.hash === this.#book.hash;
  }

  /**
   * Something failed on the way: what the book has been told since the last commit did not come to be. Switches, policy revisions and accepted
   * times stay: no job tells it of them, only entries that were read when they were recorded, and of the same history, or nothing more is read.
   */
  forget(): void {
    this.#book = this.#blank(this.#book);
  }

  /** A batch is durable. `isFollowed` says that its jobs have told the book all they did. */
  moved(draft: Draft, isFollowed: boolean): void {
    this.#known = { version: draft.version, seq: draft.seq, hash: draft.hash };
    if (draft.rereadBook) this.forget();
    else if (isFollowed) Object.assign(this.#book, this.#known);
  }

  /**
   * Reads what there is before the head is locked, where nothing is read yet: it may be a month of spending, and other gates would wait for it, a stop with them.
   * What comes meanwhile is new under the lock.
   * @returns as `bringTo`
   */
  async readAhead(db: Kysely<Database>): Promise<boolean> {
    if (this.#book.version > 0) return false;
    // Of one moment: the head, and what goes with it.
    const one = db.transaction().setIsolationLevel('repeatable read');
    return await one.execute(async tx => await this.bringTo(tx, await readHead(tx)));
  }

  /**
   * Brings the book to the head that is locked.
   * @returns whether another gate has written since this one did
   * @throws Fault `store.behind`, `store.newer`
   */
  async bringTo(db: Kysely<Database>, head: HeadRow): Promise<boolean> {
    // A gate that begins has not seen who else there is.
    const others = this.#known.version > 0 && head.version !== this.#known.version;
    if (!this.isAt(head)) await this.#read(db, head);
    this.#isToldOfAnother = false;
    this.#known = { version: head.version, seq: head.seq, hash: head.hash };
    this.#watch.knows(this.#controls.accepted.length, head.db_now_ms);
    return others;
  }

  async #read(db: Kysely<Database>, head: HeadRow): Promise<void> {
    try {
      const isNew = this.#book.version === 0;
      const before = this.#controls.accepted.length;
      const accepted = await this.#apply(db, head);
      this.#controls = { accepted, seq: head.seq };
      if (isNew || accepted.length === before) return;
      // An accepted time changes what was counted already.
      this.forget();
      await this.#apply(db, head);
    } catch (thrown) {
      // Half of it is none, and what was read may be of another history.
      this.#book = this.#blank();
      this.#controls = NO_CONTROLS;
      throw thrown;
    }
  }

  async #apply(db: Kysely<Database>, head: HeadRow): Promise<readonly AcceptedTime[]> {
    const { seq, version } = this.#known;
    if (head.version < version) throw this.#behind(head);
    // A restore puts the head in long before what was spent, and no head moves when that comes. Guards come last: where all are there, all rows are.
    const missing = this.#book.version === 0 ? await readMissingGuards(db) : [];
    const controls =
      this.#book.version === 0
        ? await readControls(db, { ...this.#options, book: this.#book, told: this.#controls })
        : { ...this.#controls, seq: this.#book.seq };
    const since = {
      version: this.#book.version,
      seq: controls.seq,
      knownSeq: seq,
      // A clock that was set back leaves rows of the future behind; the horizons are counted from the earlier of both times.
      nowMs: Math.min(head.at_ms, head.db_now_ms),
      horizons: this.#book.horizons(),
      kinds: Object.fromEntries(
        [...this.#book.kinds].map(([kind, { revision, definition }]) => [kind, { revision, definition }]),
      ),
      hasSources: [...this.#options.kinds.values()].some(({ sources }) => sources !== undefined),
      isWeighed: [...this.#options.kinds.values()].some(kind => weightsOf(kind).length > 0),
    };
    const tail = await readTail(db, since);
    if (tail.migration === null || tail.migration > NEWEST_MIGRATION) throw this.#newer(tail.migration);
    if (seq > 0 && tail.known_hash !== this.#known.hash) throw this.#behind(head);
    if (missing.length > 0 || (this.#book.version > 0 && !(tail.guards >= this.#guards)))
      throw this.#restoring(missing);
    this.#guards = tail.guards;
    const book = this.#book;
    const accepted = applyTail(book, tail, this.#options.kinds, controls.accepted);
    if (book.version === 0) await readCounted(db, since, { ...this.#options, book, accepted });
    Object.assign(book, { version: head.version, seq: head.seq, hash: head.hash });
    return accepted;
  }

  #behind(head: HeadRow): Fault {
    this.#tellOnce(
      { known: this.#known, found: { version: head.version, seq: head.seq, hash: head.hash } },
      'the database lacks what this gate knows to be recorded: nothing is decided until the gate is restarted',
    );
    return new Fault(
      'store.behind',
      `The database lacks what this gate knows to be recorded, up to entry ${this.#known.seq} of the audit trail. Nothing was decided.`,
    );
  }

  #restoring(missing: readonly string[]): Fault {
    this.#tellOnce(
      { missing },
      'the database is being restored, or was restored in part: nothing is decided until constraints, indexes and triggers are there',
    );
    return new Fault(
      'store.behind',
      'The database lacks constraints, indexes or triggers, as while it is being restored. Nothing was decided.',
    );
  }

  #newer(migration: number | null): Fault {
    this.#tellOnce(
      { migration, newest_known: NEWEST_MIGRATION },
      'a newer version has migrated the database: this gate decides nothing any more. Restart it with that version',
    );
    return new Fault('store.newer', STORE_NEWER);
  }

  /** As long as it lasts each batch meets it. */
  #tellOnce(found: object, says: string): void {
    if (!this.#isToldOfAnother) this.#options.logger.error(found, says);
    this.#isToldOfAnother = true;
  }

  #blank(told?: Book): Book {
    return new Book(this.#options.limits, this.#options.kinds, this.#options.actions, told);
  }
}
