/**
 * The store is there but must not be used: a folder in use, an unsafe setting, a schema we do not know. `message` is a
 * sentence for the operator. Everything else that the store throws means that the database is away, or broken.
 */
export class StoreRefused extends Error {
  override readonly name: string = 'StoreRefused';
}

/** Not as it stands: later it may be used, by itself or once somebody has made room. */
export class StoreNotYet extends StoreRefused {
  override readonly name: string = 'StoreNotYet';
}

/** The server takes no writes now. It may take them later by itself: a standby is promoted. */
export class StoreReadOnly extends StoreNotYet {
  override readonly name: string = 'StoreReadOnly';
}

/** Others hold a table that a migration changes, and it waits for no one who is slow. To try again helps: sooner or later they are done. */
export class StoreInUse extends StoreNotYet {
  override readonly name: string = 'StoreInUse';

  /** @param holders `pid (application)` of those that were seen to hold a table all the while */
  constructor(migration: string, holders: readonly string[], cause: unknown) {
    const who = holders.length > 0 ? `the sessions ${holders.join(', ')} hold` : 'another session holds';
    super(
      `The migration ${migration} waits for a table that ${who}: mostly a pg_dump. It is tried again until they are done; meanwhile it keeps nobody waiting.`,
      { cause },
    );
  }
}

/** The database answers, and says no to a migration; or another gate is at it. Nothing of it is kept. */
export class MigrationFailed extends StoreNotYet {
  override readonly name = 'MigrationFailed';
}
