import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthCheck } from '../dashboard/health.js';
import type { Log } from '../observability/log.js';
import { within } from '../observability/within.js';

/** How long engines may take to come up before a command gives up, in ms. */
export const PATIENCE_MS = 30_000;
const BETWEEN_ATTEMPTS_MS = 500;
const ONE_ATTEMPT_MS = 5000;

/** An engine did not answer in time. */
export class EngineAwayError extends Error {
  override readonly name = 'EngineAwayError';

  /**
   * @param engine which one
   * @param seconds how long it was waited for
   */
  constructor(engine: string, seconds: number, options: ErrorOptions) {
    const reason = options.cause instanceof Error ? options.cause.message : String(options.cause);
    super(`${engine} has not answered for ${String(seconds)} s: ${reason}`, options);
  }
}

/**
 * Waits until engines answer. Each one's absence and its return are logged once.
 *
 * @param patienceMs when to give up; Infinity for a service, which has time
 * @throws {EngineAwayError} when one does not answer in time
 */
export async function waitFor(
  checks: readonly HealthCheck[],
  log: Log,
  stop: AbortSignal,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  await Promise.all(checks.map((check) => waitForOne(check, log, stop, patienceMs)));
}

async function waitForOne(
  { engine, check }: HealthCheck,
  log: Log,
  stop: AbortSignal,
  patienceMs: number,
): Promise<void> {
  const began = performance.now();
  let away = false;
  for (;;) {
    stop.throwIfAborted();
    try {
      await within(ONE_ATTEMPT_MS, stop, check);
      if (away) log.info({ engine }, 'the engine answers');
      return;
    } catch (cause) {
      stop.throwIfAborted();
      if (performance.now() - began > patienceMs) {
        throw new EngineAwayError(engine, Math.round(patienceMs / 1000), { cause });
      }
      if (!away) log.warn({ err: cause, engine }, 'the engine does not answer; waiting for it');
      away = true;
    }
    await sleep(BETWEEN_ATTEMPTS_MS, undefined, { signal: stop });
  }
}
