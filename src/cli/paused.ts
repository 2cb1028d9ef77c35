import { Pauses, type PauseNote } from '../queues/pauses.js';
import type { Queues, Store } from './assembly.js';

/** Somebody has paused what a command is to do. */
export class PausedError extends Error {
  override readonly name = 'PausedError';

  constructor({ what, by, at }: PauseNote) {
    super(`${what} is paused by ${by} since ${at}; resume it on the dashboard first`);
  }
}

/**
 * Refuses to deliver until nothing is left while a part of that is paused: it would never end, or leave everything.
 *
 * @throws {PausedError}
 */
export async function refuseWhilePaused({ settings }: Store, queues: Queues): Promise<void> {
  const [pause] = await new Pauses({ settings, ...queues }).list();
  if (pause !== undefined) throw new PausedError(pause);
}
