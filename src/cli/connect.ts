import type { GateCalls } from './gate-calls.ts';
import type { GateOptions } from './gate-connection.ts';
import type { Terminal } from './terminal.ts';

/** The calls of the gate that the options, or the environment, name. Loaded when they are needed. @throws UsageError */
export async function connect(options: GateOptions, terminal: Terminal): Promise<GateCalls> {
  const { connectCalls } = await import('./gate-calls.ts');
  return connectCalls(options, terminal);
}
