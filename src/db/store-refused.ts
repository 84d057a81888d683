/**
 * The store is there but must not be used: a folder in use, an unsafe setting, a schema we do not know. `message` is a
 * sentence for the operator. Everything else that the store throws means that the database is away, or broken.
 */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
}
