import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';

/**
 * Starts something with a directory of its own before the tests of a file, and ends it behind and removes the directory.
 *
 * @param name of the tests, for the directory's name
 * @param start such as `startEngines` or `startRedis`
 * @returns what was started; it is there in tests and in hooks
 */
export function useEngines<Running extends { readonly stop: () => Promise<void> }>(
  name: string,
  start: (where: { readonly dir: string }) => Promise<Running>,
): () => Running {
  let dir: string;
  let running: Running;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), `log-courier-${name}-`));
    running = await start({ dir });
  });
  afterAll(async () => {
    await running.stop();
    await rm(dir, { recursive: true });
  });
  return () => running;
}
