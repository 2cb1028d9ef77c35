import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { within } from '../../src/observability/within.js';

const untilAborted = async (signal: AbortSignal): Promise<never> => {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
};
const { signal: never } = new AbortController();

describe('work under a time limit', () => {
  test('gives its result, or its error', async () => {
    expect(await within(60_000, never, () => Promise.resolve(42))).toBe(42);
    await expect(within(60_000, never, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  });

  test('is told when its time is up, also when that is no whole number', async () => {
    await expect(within(0.5, never, untilAborted)).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('is told when all is to stop, now or before', async () => {
    const stop = new AbortController();
    const work = within(60_000, stop.signal, untilAborted);
    stop.abort(new Error('the process stops'));
    await expect(work).rejects.toThrow('the process stops');
    await expect(within(60_000, stop.signal, untilAborted)).rejects.toThrow('the process stops');
  });
});
