/**
 * Waits for work, but no longer than until it is cancelled: whatever the work waits for then (an engine that is silent
 * or does not listen to the signal) does not keep the process. What it still does in the background must be harmless.
 *
 * @throws what the work throws, or the signal's reason
 */
export async function untilCancelled<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let cancel: () => void = () => undefined;
  const cancelled = new Promise<never>((_resolve, reject) => {
    cancel = () => {
      reject(asError(signal.reason));
    };
  });
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    return await Promise.race([work, cancelled]);
  } finally {
    signal.removeEventListener('abort', cancel);
    work.catch(() => undefined);
    cancelled.catch(() => undefined);
  }
}

/** BullMQ gives its reasons as text. */
function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
