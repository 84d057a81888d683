import { createClient, type Client } from '../client/create-client.ts';
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
 * @throws UsageError or FileError where nothing says which, or as whom
 */
export function connectGate(options: GateOptions, terminal: Terminal): GateConnection {
  const { url, key } = findAccess(options, readClientEnvironment());
  const onRetry = ({ pauseMs, why }: { readonly pauseMs: number; readonly why: string }): void =>
    terminal.complain(`${printable(why)}; asking again in ${(pauseMs / 1000).toFixed(1)} s`);
  return { gate: createClient({ url, key, onRetry }), url: url.replace(/\/+$/, '') };
}
