import { readFileSync } from 'node:fs';

/** Fields of /proc/PID/stat behind the program's name: the state, and when the process was started. */
const [STATE, STARTED] = [0, 19];

/**
 * When a process was started, in ticks since boot: ids alone prove nothing, since containers give the same few to every
 * start. Empty for one that is gone or a zombie, and where the system does not tell (other than Linux).
 */
export function processStart(pid: number): string {
  try {
    // The program's name stands in parentheses, and may hold blanks and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[STATE] === 'Z' ? '' : (fields[STARTED] ?? '');
  } catch {
    return '';
  }
}

/** Whether there is a process with an id, of whomever. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM';
  }
}
