import { describe, expect, test } from '@jest/globals';
import { Refresh, type Refreshed } from '../../src/dashboard/overview/refresh.js';

/** Nothing is due again within the time of a test. */
const NEVER_MS = 3_600_000;

function refreshOf(read: Refreshed['read'], more: Partial<Refreshed> = {}): Refresh {
  return new Refresh({
    read,
    failed: () => undefined,
    watchedMs: NEVER_MS,
    unwatchedMs: NEVER_MS,
    isWatched: () => true,
    ...more,
  });
}

/** Readings that a test lets end one by one. */
function heldReadings(): {
  readonly read: Refreshed['read'];
  readonly ends: (() => void)[];
  most: () => number;
} {
  const ends: (() => void)[] = [];
  let [running, most] = [0, 0];
  return {
    ends,
    most: () => most,
    read: async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => ends.push(resolve));
      running -= 1;
    },
  };
}

describe('what is read again and again', () => {
  test('is read at once, and then when it is due', async () => {
    let reads = 0;
    const refresh = refreshOf(() => Promise.resolve(void (reads += 1)), { watchedMs: 1 });
    refresh.start();
    while (reads < 3) await new Promise(setImmediate);
    await refresh.close();
    const before = reads;
    await new Promise(setImmediate);
    expect(reads).toBe(before);
  });

  test('is read once at a time, and anew for whoever asks during a reading', async () => {
    const { read, ends, most } = heldReadings();
    const refresh = refreshOf(read);
    refresh.start();
    const asked = refresh.now();
    expect(ends).toHaveLength(1);
    ends[0]?.();
    while (ends.length < 2) await new Promise(setImmediate);
    ends[1]?.();
    await asked;
    expect({ most: most(), readings: ends.length }).toEqual({ most: 1, readings: 2 });
    await refresh.close();
  });

  test('is read at once when it is hurried', async () => {
    let reads = 0;
    const refresh = refreshOf(() => Promise.resolve(void (reads += 1)));
    refresh.start();
    while (reads < 2) {
      refresh.hurry();
      await new Promise(setImmediate);
    }
    await refresh.close();
  });

  test('goes on after a reading that failed, and tells of it', async () => {
    const failures: unknown[] = [];
    let reads = 0;
    const refresh = refreshOf(
      () => {
        reads += 1;
        return reads === 1 ? Promise.reject(new Error('away')) : Promise.resolve();
      },
      { failed: (error) => failures.push(error), watchedMs: 1 },
    );
    refresh.start();
    while (reads < 2) await new Promise(setImmediate);
    await refresh.close();
    expect(failures).toEqual([new Error('away')]);
  });

  test('ends at once, whatever its reading waits for', async () => {
    const failures: unknown[] = [];
    const refresh = refreshOf(() => new Promise(() => undefined), {
      failed: (error) => failures.push(error),
    });
    refresh.start();
    await refresh.close();
    await refresh.now();
    expect(failures).toEqual([]);
  });
});
