import { createClient, type Client, type Retry } from '../client/create-client.ts';
import { findAccess, type AccessOptions } from '../config/client-settings.ts';
import { readClientTls } from '../config/client-tls.ts';
import { systemClock } from '../kit/clock.ts';
import { readClientEnvironment } from '../config/environment.ts';
import { nextCommandOf, type NextCommand } from './next-command.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** What every command that calls a gate takes, as commander gives it. */
export interface GateOptions extends AccessOptions {
  readonly json?: true;
}

/** The options of a command that calls a gate. */
export const GATE_OPTIONS = [
  ['--url <url>', 'the gate (default: INTERLOCK_URL, or `url` in ~/.config/interlock/client.yaml)'],
  ['--key-file <file>', 'holds the key (default: INTERLOCK_KEY, or `key` in that file)'],
  [
    '--ca <file>',
    'whose certificates are believed (default: INTERLOCK_CA, `ca` in that file, or the system)',
  ],
  ['--cert <file>', 'certificate to show (default: INTERLOCK_CERT, or `cert` in that file)'],
  ['--cert-key <file>', 'its key (default: INTERLOCK_CERT_KEY, or `cert_key` in that file)'],
  ['--json', 'answer as JSON: one line, of a list a line each'],
] as const;

export interface GateConnection {
  readonly gate: Client;
  /** For links to its pages. */
  readonly url: string;
  readonly next: NextCommand;
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
  const { url, key, tls } = findAccess(options, readClientEnvironment());
  let said = '';
  const onRetry = (retry: Retry): void => {
    told(retry);
    const { pauseMs, why } = retry;
    const when = pauseMs < 1000 ? '' : ` in ${Math.ceil(pauseMs / 1000)} s`;
    const line = `${printable(why)}; asking again${when}`;
    // Once in a log; a terminal shows that it goes on.
    if (said !== why) terminal.complain(line);
    else terminal.progress(line);
    said = why;
  };
  return {
    gate: createClient({
      url,
      key,
      onRetry,
      ...(tls !== undefined && { tls: readClientTls(tls, systemClock.wallMs()) }),
    }),
    url: url.replace(/\/+$/, ''),
    next: nextCommandOf(options),
  };
}

/** Of a command's options those that name the gate. */
export const gateOf = ({ url, keyFile, ca, cert, certKey }: AccessOptions): AccessOptions => ({
  ...(url !== undefined && { url }),
  ...(keyFile !== undefined && { keyFile }),
  ...(ca !== undefined && { ca }),
  ...(cert !== undefined && { cert }),
  ...(certKey !== undefined && { certKey }),
});
