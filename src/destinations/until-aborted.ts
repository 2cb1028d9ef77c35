/**
 * Waits for something that cannot be stopped itself, until the signal is aborted; what it does then goes on by itself.
 *
 * @throws the signal's reason
 */
export async function untilAborted<Result>(signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([act(), stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
