/** Redis does not answer in time; whoever asked is answered 503. */
export class NoAnswerError extends Error {
  override readonly name = 'TimeoutError';
  /** Status of the answer, as Express reads it. */
  readonly status = 503;
}

/**
 * Waits for an answer of Redis, but not for long: a connection that is away keeps its commands until it is back.
 *
 * @param limitMs how long, in ms
 * @throws {NoAnswerError} when there is none by then; what was asked for may still happen
 */
export async function inTime<Answer>(answer: Promise<Answer>, limitMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new NoAnswerError(`Redis has not answered within ${String(limitMs)} ms`));
    }, limitMs);
    // A process that is told to stop does not stay for it.
    timer.unref();
  });
  try {
    return await Promise.race([answer, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
