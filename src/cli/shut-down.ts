import type { Log } from '../observability/log.js';
import type { Running } from './roles.js';

/** Part of the shutdown timeout that work in flight may use to finish before it is handed back. */
const SHARE_TO_FINISH = 0.6;

/** Work in flight neither finished nor could be handed back in time. */
export class ShutdownTimeoutError extends Error {
  override readonly name = 'ShutdownTimeoutError';

  /** @param seconds the timeout */
  constructor(seconds: number) {
    super(
      `the shutdown did not finish within ${String(seconds)} s (shutdown-timeout-seconds); what was in flight is ` +
        'taken up by another process when its lock runs out',
    );
  }
}

/**
 * Ends what runs: no new work is taken, what is in flight finishes, or is handed back when it takes too long.
 * What was begun first is ended last.
 *
 * @throws {ShutdownTimeoutError} when that takes longer than the timeout
 */
export async function shutDown(running: readonly Running[], timeoutSeconds: number, log: Log): Promise<void> {
  const timers: NodeJS.Timeout[] = [];
  const after = (seconds: number, act: () => void): void => {
    timers.push(setTimeout(act, seconds * 1000));
  };
  const tooLate = new Promise<never>((_resolve, reject) => {
    after(timeoutSeconds, () => {
      reject(new ShutdownTimeoutError(timeoutSeconds));
    });
  });
  after(timeoutSeconds * SHARE_TO_FINISH, () => {
    log.warn('what is in flight is handed back');
    for (const one of running) one.handBack();
  });
  try {
    await Promise.race([drainAll(running), tooLate]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** All at once: a processor that takes long must not keep discovery from ending. */
async function drainAll(running: readonly Running[]): Promise<void> {
  await Promise.all([...running].reverse().map((one) => one.drain()));
}
