import { isBlank } from '../kit/text.ts';

/** What the environment says. A variable that is set to nothing is a mistake in a script more often than a wish: it is told, not skipped. */
export interface Environment {
  /** `INTERLOCK_CONFIG`: the configuration file, if no `--config` names one. */
  readonly configFile?: string;
  /** `INTERLOCK_LOG`: the least level that is logged. */
  readonly logLevel?: string;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Wrong use of the program: told on stderr, and the program ends with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the variables that Interlock knows.
 * @throws UsageError for one that is blank or has no such value
 */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  const configFile = textOf('configFile', 'INTERLOCK_CONFIG', variables);
  const logLevel = variables['INTERLOCK_LOG'];
  if (logLevel !== undefined && !LOG_LEVELS.includes(logLevel)) {
    throw new UsageError(`INTERLOCK_LOG must be one of ${LOG_LEVELS.join(', ')}`);
  }
  return { ...configFile, ...(logLevel !== undefined && { logLevel }) };
}

const DEFAULT_CONFIG_FILE = './interlock.yaml';

/**
 * The configuration file: named, or of the environment, or the one that is looked for.
 * @throws UsageError for a name that is blank
 */
export function configFileOf(
  named: string | undefined,
  variables?: Readonly<Record<string, string | undefined>>,
): string {
  if (named !== undefined && isBlank(named))
    throw new UsageError('--config is blank: name a file, or leave it out');
  return named ?? readEnvironment(variables).configFile ?? DEFAULT_CONFIG_FILE;
}

/** By which certificates a gate is called. Paths. */
export interface TlsFiles {
  /** Whose certificates are believed, instead of those that the system believes. */
  readonly ca?: string;
  /** What is shown to a gate that asks for a certificate, with its key. */
  readonly cert?: string;
  readonly certKey?: string;
}

/** What the environment says to whoever calls a gate. */
export interface ClientEnvironment {
  /** `INTERLOCK_URL` */
  readonly url?: string;
  /** `INTERLOCK_KEY` */
  readonly key?: string;
  /** `INTERLOCK_CA`, `INTERLOCK_CERT` and `INTERLOCK_CERT_KEY` */
  readonly tls?: TlsFiles;
  /** Where a person's own settings are: `XDG_CONFIG_HOME`, or `~/.config`. */
  readonly settingsFolder?: string;
}

/**
 * Reads the variables by which a gate is called.
 * @throws UsageError for one that is blank: more often a secret that was not set than a wish
 */
export function readClientEnvironment(): ClientEnvironment {
  const variables = process.env;
  const { XDG_CONFIG_HOME: xdg, HOME: home } = variables;
  const access = {
    ...textOf('url', 'INTERLOCK_URL', variables),
    ...textOf('key', 'INTERLOCK_KEY', variables),
  };
  const tls = {
    ...textOf('ca', 'INTERLOCK_CA', variables),
    ...textOf('cert', 'INTERLOCK_CERT', variables),
    ...textOf('certKey', 'INTERLOCK_CERT_KEY', variables),
  };
  const settingsFolder =
    xdg !== undefined && xdg.startsWith('/')
      ? xdg
      : home !== undefined && home !== ''
        ? `${home}/.config`
        : undefined;
  return {
    ...access,
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(settingsFolder !== undefined && { settingsFolder }),
  };
}

/** The text of a variable, under a name; nothing where it is not set. @throws UsageError where it is blank */
function textOf<Name extends string>(
  name: Name,
  variable: string,
  variables: Readonly<Record<string, string | undefined>>,
): { readonly [Each in Name]?: string } {
  const value = variables[variable];
  if (value === undefined) return {};
  if (isBlank(value)) throw new UsageError(`${variable} is set, but blank`);
  const named: { [Each in Name]?: string } = {};
  named[name] = value;
  return named;
}

/** Whether a job of GitHub Actions reads what is printed. */
export const isGithubJob = (): boolean => process.env['GITHUB_ACTIONS'] === 'true';

/** Whether colours are not wanted: `NO_COLOR`, or a terminal that has none. */
export const wantsNoColour = (): boolean =>
  (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';
