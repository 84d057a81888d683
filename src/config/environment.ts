import { isBlank } from '../kit/text.ts';

/** What the environment says. A variable that is set to nothing is a mistake in a script more often than a wish: it is told, not skipped. */
export interface Environment {
  /** `INTERLOCK_CONFIG`: the configuration file, if no `--config` names one. */
  readonly configFile?: string;
  /** `INTERLOCK_LOG`: the least level that is logged. */
  readonly logLevel?: string;
  /** `INTERLOCK_URL`: the gate that a command asks. */
  readonly url?: string;
  /** `INTERLOCK_KEY`: the key that it asks with. Secret. */
  readonly key?: string;
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
  const configFile = variables['INTERLOCK_CONFIG'];
  const logLevel = variables['INTERLOCK_LOG'];
  if (configFile !== undefined && isBlank(configFile))
    throw new UsageError('INTERLOCK_CONFIG is set, but blank');
  if (logLevel !== undefined && !LOG_LEVELS.includes(logLevel)) {
    throw new UsageError(`INTERLOCK_LOG must be one of ${LOG_LEVELS.join(', ')}`);
  }
  const [url, key] = [variables['INTERLOCK_URL'], variables['INTERLOCK_KEY']];
  if (url !== undefined && isBlank(url)) throw new UsageError('INTERLOCK_URL is set, but blank');
  if (key !== undefined && isBlank(key)) throw new UsageError('INTERLOCK_KEY is set, but blank');
  return {
    ...(configFile !== undefined && { configFile }),
    ...(logLevel !== undefined && { logLevel }),
    ...(url !== undefined && { url }),
    ...(key !== undefined && { key }),
  };
}
