import { pino } from 'pino';
import type { Logger } from '../../src/kit/logger.ts';

/** A logger that keeps level and message of each line. 40 warns, 50 is an error. */
export function recordedLogger(): {
  readonly logger: Logger;
  readonly said: () => [level: number, message: string][];
  /** All of each line. */
  readonly whole: () => Record<string, unknown>[];
} {
  const lines: string[] = [];
  const logger = pino({ base: null }, { write: line => void lines.push(line) });
  return {
    logger,
    whole: () => lines.map((line): Record<string, unknown> => Object(JSON.parse(line))),
    said: () =>
      lines.map(line => {
        const { level, msg }: { level: number; msg: string } = JSON.parse(line);
        return [level, msg];
      }),
  };
}
