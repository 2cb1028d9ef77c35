import { isError } from './is-error.js';
import { pino, type DestinationStream, type Logger } from 'pino';

/** Structured log: JSON lines, one event one line. Pass errors as `{ err }`. */
export type Log = Logger;

/** Levels that `log-level` takes. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/**
 * Makes the log of a process. Written to standard error, so that what commands print stays clean.
 *
 * @param level least serious level that is written
 * @param destination where lines go; standard error when missing
 */
export function createLog(
  level: LogLevel,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: errorForLog },
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['*.password', '*.secretAccessKey', '*.authorization'], censor: '(hidden)' },
    },
    destination,
  );
}

/**
 * What a log line says of an error: its kind, its message with those of its causes, its stack and its code. Whatever
 * else libraries hang on their errors (requests, answers, tables of constants) stays out.
 */
function errorForLog(error: unknown): unknown {
  if (!isError(error)) return error;
  const { type, message, stack } = pino.stdSerializers.err(error);
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return { type, message, ...code, stack };
}

/** A log that writes nothing, for commands that speak to people. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
