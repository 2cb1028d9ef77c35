/**
 * Waits for work, but not much longer than until it is cancelled: whatever the work waits for then (an engine that is
 * silent or does not listen to the signal) does not keep the process. What it still does in the background must be
 * harmless.
 *
 * @param graceMs how long work that was cancelled may take to clean up, in ms
 * @throws what the work throws, or the signal's reason
 */
export async function untilCancelled<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
  graceMs = 0,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let cancel: () => void = () => undefined;
  const left = new Promise<never>((_resolve, reject) => {
    cancel = () => {
      timer = setTimeout(() => {
        reject(asError(signal.reason));
      }, graceMs);
    };
  });
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    return await Promise.race([work, left]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    work.catch(() => undefined);
  }
}

/** BullMQ gives its reasons as text. */
function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
