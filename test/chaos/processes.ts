import { readdirSync, readFileSync } from 'node:fs';
import { processStart } from '../../src/observability/process-start.js';

/** Marks every process that a run starts, however deep: they inherit the variable. */
export const RUN_VARIABLE = 'LOG_COURIER_CHAOS_RUN';

/** Replicas get nothing of a developer's own environment, but may be measured. */
export function baseEnvironment(processes: ProcessBook): Record<string, string> {
  const { PATH = '', NODE_V8_COVERAGE: coverage } = process.env;
  return {
    PATH,
    [RUN_VARIABLE]: processes.run,
    ...(coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }),
  };
}

/** Remembers the processes of a run. */
export class ProcessBook {
  readonly #started = new Map<number, string>();

  /** @param run a name that no other run has; it must be in the environment of what is started */
  constructor(readonly run: string) {}

  /** Notes a process that has just been started. */
  add(pid: number): void {
    this.#started.set(pid, processStart(pid));
  }

  /** How many were noted. */
  get size(): number {
    return this.#started.size;
  }

  /** Those that are alive: the noted ones, and, where the system tells, all that carry this run's mark. */
  alive(): readonly number[] {
    const noted = [...this.#started].filter(([pid, start]) => isAlive(pid) && processStart(pid) === start);
    return [...new Set([...noted.map(([pid]) => pid), ...this.#marked()])];
  }

  #marked(): number[] {
    const mark = `\0${RUN_VARIABLE}=${this.run}\0`;
    return allPids().filter((pid) => pid !== process.pid && `\0${environmentOf(pid)}`.includes(mark));
  }
}

function allPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Empty for zombies, kernel threads and processes of others. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
