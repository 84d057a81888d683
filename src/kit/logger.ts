import { pino, type Logger } from 'pino';

export type { Logger };

/** JSON lines on stderr: stdout belongs to what a command says. Keys and authorization headers never reach it. */
export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['authorization', '*.authorization', 'key', '*.key'],
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
