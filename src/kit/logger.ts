import { pino, type Logger } from 'pino';
import { LogSink, stderrLines, type Lines } from './log-sink.ts';

export type { Logger };

/** JSON lines on stderr: stdout belongs to what a command says. Keys and authorization headers never reach it. */
export function createLogger(level: string, lines: Lines = stderrLines()): Logger {
  const logger: Logger = pino(
    {
      level,
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['authorization', '*.authorization', 'key', '*.key'],
    },
    new LogSink(lines, dropped =>
      logger.warn(
        { lines: dropped },
        'lines of the log were dropped: they could not be written, or nobody took them',
      ),
    ),
  );
  return logger;
}
