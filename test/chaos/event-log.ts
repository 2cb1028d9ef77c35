import { appendFileSync } from 'node:fs';

/** What happened, and when: a file of JSON lines. */
export interface EventLog {
  /** Notes an event; `what` is its kind, e.g. `fault` or `exit`. */
  readonly note: (what: string, details?: Readonly<Record<string, unknown>>) => void;
}

/** @param file made when missing; each line is written at once, so that it outlives a crash of the harness */
export function openEventLog(file: string): EventLog {
  const began = performance.now();
  return {
    note: (what, details = {}) => {
      const seconds = Number(((performance.now() - began) / 1000).toFixed(3));
      appendFileSync(
        file,
        `${JSON.stringify({ seconds, at: new Date().toISOString(), what, ...details })}\n`,
      );
    },
  };
}
