import { readFileSync } from 'node:fs';

/** Linux counts the CPU time of processes in hundredths of a second, whatever its kernel does (USER_HZ). */
const TICKS_A_SECOND = 100;

/** CPU time that a process has had, in the system and outside of it, in seconds; /proc/PID/stat in text. */
export function cpuSecondsIn(stat: string): number {
  // The name, in parentheses, may hold anything, also spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/**
 * The most memory that a process has held at a time, in bytes; /proc/PID/status in text.
 *
 * @throws {RangeError} when the text does not tell
 */
export function peakBytesIn(status: string): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new RangeError('the system does not tell the peak of memory');
  return Number(kibibytes) * 1024;
}

/** CPU time that a process has had so far, all its threads together, in seconds. */
export function cpuSeconds(pid: number): number {
  return cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** The most memory that a process has held so far, in bytes. */
export function peakBytes(pid: number): number {
  return peakBytesIn(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** Measures the CPU time of processes from now on. */
export class CpuMeter<Name extends string> {
  readonly #pids: ReadonlyMap<Name, readonly number[]>;
  readonly #began: ReadonlyMap<Name, number>;

  /** @param pids the processes of each name, which are counted together */
  constructor(pids: ReadonlyMap<Name, readonly number[]>) {
    this.#pids = pids;
    this.#began = this.#now();
  }

  /** Seconds since the meter was made. */
  read(): ReadonlyMap<Name, number> {
    return new Map([...this.#now()].map(([name, now]) => [name, now - (this.#began.get(name) ?? 0)]));
  }

  #now(): ReadonlyMap<Name, number> {
    return new Map(
      [...this.#pids].map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)]),
    );
  }
}
