import { afterAll, afterEach, beforeAll } from '@jest/globals';
import {
  isoSeconds,
  openTestStore,
  startTestEngines,
  type TestEngines,
  type TestRecord,
  type TestStore,
} from './access-logs.js';

/**
 * Starts engines before the tests of a file and ends them behind; the stores that a test opens are closed after it.
 *
 * @returns opens a store with a database of its own, with the flags that it is given
 */
export function useTestStores(): (flags?: Parameters<typeof openTestStore>[1]) => Promise<TestStore> {
  let engines: TestEngines;
  const opened: TestStore[] = [];
  beforeAll(async () => {
    engines = await startTestEngines();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  afterAll(async () => {
    await engines.stop();
  });
  return async (flags = {}) => {
    const store = await openTestStore(engines, flags);
    opened.push(store);
    return store;
  };
}

/** Two hours before the tests, in ms. */
export const start = Math.floor(Date.now() / 1000) * 1000 - 7_200_000;

/** So many seconds after {@link start}, as insertedAt is written. */
export function at(seconds: number): string {
  return isoSeconds(start + seconds * 1000);
}

/** So many records with the same columns. */
export function records(count: number, columns: TestRecord = {}): TestRecord[] {
  return Array.from({ length: count }, () => columns);
}
