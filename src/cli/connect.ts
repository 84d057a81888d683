import type { ConnectionOptions } from './connection.ts';
import type { GateCalls } from './gate-calls.ts';

/** The calls of the gate that the options, or the environment, name. Loaded when they are needed. @throws UsageError */
export async function connect(options: ConnectionOptions): Promise<GateCalls> {
  const [{ gateCalls }, { readConnection }] = await Promise.all([
    import('./gate-calls.ts'),
    import('./connection.ts'),
  ]);
  return gateCalls(readConnection(options));
}
