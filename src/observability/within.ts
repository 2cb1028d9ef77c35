/**
 * Does work under a time limit: its signal is aborted when the time is up, when the given one is, and when the work has
 * ended, well or not: what it has left listening then lets go.
 *
 * Node.js 20 can forget a signal that was made by `AbortSignal.any` of an `AbortSignal.timeout` when garbage is
 * collected, and then nothing is aborted at all; hence a timer of our own.
 *
 * @param limitMs how long the work may take, in ms
 */
export async function within<Result>(
  limitMs: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new DOMException(`not done within ${String(Math.ceil(limitMs))} ms`, 'TimeoutError'));
  }, limitMs);
  const forward = (): void => {
    limit.abort(stop.reason);
  };
  stop.addEventListener('abort', forward, { once: true });
  if (stop.aborted) forward();
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', forward);
    limit.abort();
  }
}
