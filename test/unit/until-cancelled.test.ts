import { describe, expect, test } from '@jest/globals';
import { untilCancelled } from '../../src/processors/until-cancelled.js';

const never = new Promise<never>(() => undefined);

describe('work that can be cancelled', () => {
  test('gives its result, or its error', async () => {
    const { signal } = new AbortController();
    expect(await untilCancelled(Promise.resolve(42), signal)).toBe(42);
    await expect(untilCancelled(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  });

  test('is left when it is cancelled, although it hears nothing', async () => {
    const stop = new AbortController();
    const work = untilCancelled(never, stop.signal);
    stop.abort('the process stops');
    await expect(work).rejects.toThrow('the process stops');
  });

  test('may clean up for a while, and then its own end counts', async () => {
    const stop = new AbortController();
    const cleaning = new Promise<string>((resolve) => {
      stop.signal.addEventListener('abort', () => {
        setImmediate(resolve, 'clean');
      });
    });
    const work = untilCancelled(cleaning, stop.signal, 60_000);
    stop.abort(new Error('cancelled'));
    expect(await work).toBe('clean');
  });

  test('is left at once when it was cancelled before', async () => {
    await expect(untilCancelled(never, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });

  test('may fail afterwards, which nobody hears', async () => {
    const stop = new AbortController();
    let fail: (error: Error) => void = () => undefined;
    const failing = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    const work = untilCancelled(failing, stop.signal);
    stop.abort(new Error('cancelled'));
    await expect(work).rejects.toThrow('cancelled');
    fail(new Error('an unhandled rejection would end this test'));
  });
});
