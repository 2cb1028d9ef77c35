import { z } from 'zod';
import { createLog, type Log } from '../../src/observability/log.js';

const logLine = z.record(z.string(), z.unknown());

/** A line of the log. */
export type LogLine = Readonly<z.infer<typeof logLine>>;

/** A log that a test can read. */
export interface ReadableLog {
  readonly log: Log;
  readonly lines: readonly LogLine[];
  /** Resolves with the first line, past or to come, that the condition holds for. */
  readonly logged: (condition: (line: LogLine) => boolean) => Promise<LogLine>;
}

/** Makes one, for all levels. */
export function readableLog(): ReadableLog {
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  const log = createLog('debug', {
    write: (text) => {
      const line = logLine.parse(JSON.parse(text));
      lines.push(line);
      for (const tell of waiting) tell(line);
    },
  });
  const logged = (condition: (line: LogLine) => boolean): Promise<LogLine> =>
    new Promise((resolve) => {
      const past = lines.find(condition);
      if (past !== undefined) {
        resolve(past);
        return;
      }
      const look = (line: LogLine): void => {
        if (!condition(line)) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
    });
  return { log, lines, logged };
}
