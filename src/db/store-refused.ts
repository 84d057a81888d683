/**
 * The store is there but must not be used: a folder in use, an unsafe setting, a schema we do not know. `message` is a
 * sentence for the operator. Everything else that the store throws means that the database is away, or broken.
 */
export class StoreRefused extends Error {
  override readonly name: string = 'StoreRefused';
}

/** The server takes no writes now. It may take them later by itself: a standby is promoted. */
export class StoreReadOnly extends StoreRefused {
  override readonly name: string = 'StoreReadOnly';
}
