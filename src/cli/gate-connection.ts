import { createClient, type Client, type Retry } from '../client/create-client.ts';
import { findAccess } from '../config/client-settings.ts';
import { readClientEnvironment } from '../config/environment.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** What every command that calls a gate takes, as commander gives it. */
export interface GateOptions {
  readonly url?: string;
  readonly keyFile?: string;
  readonly json?: true;
}

/** The options of a command that calls a gate. */
export const GATE_OPTIONS = [
  ['--url <url>', 'the gate (default: INTERLOCK_URL, or `url` in ~/.config/interlock/client.yaml)'],
  ['--key-file <file>', 'holds the key (default: INTERLOCK_KEY, or `key` in that file)'],
  ['--json', 'answer as JSON, one line'],
] as const;

export interface GateConnection {
  readonly gate: Client;
  /** For links to its pages. */
  readonly url: string;
}

/**
 * The gate that a command calls.
 * @param told before the same call is made again, beside the line that says so
 * @throws UsageError or FileError where nothing says which, or as whom
 */
export function connectGate(
  options: GateOptions,
  terminal: Terminal,
  told: (retry: Retry) => void = () => undefined,
): GateConnection {
  const { url, key } = findAccess(options, readClientEnvironment());
  const onRetry = (retry: Retry): void => {
    told(retry);
    terminal.complain(`${printable(retry.why)}; asking again in ${(retry.pauseMs / 1000).toFixed(1)} s`);
  };
  return { gate: createClient({ url, key, onRetry }), url: url.replace(/\/+$/, '') };
}
