import type { Command } from 'commander';
import { discoveryEngines } from '../pipelines/engine.js';
import { openQueues, openStore, healthChecks, type Queues, type Store } from './assembly.js';
import type { CliContext } from './context.js';
import { logOf, settingsOf } from './setting-flags.js';
import { waitFor } from './wait-for.js';

/** Runs a command that needs what the pipelines discover with, but no queue. */
export async function withStore(
  command: Command,
  context: CliContext,
  body: (store: Store) => Promise<void>,
): Promise<void> {
  const loaded = settingsOf(command, context);
  const log = logOf(loaded);
  const store = openStore(loaded.settings, log);
  try {
    await waitFor(discoveryEngines(store.pipelines), log, context.stop);
    await body(store);
  } finally {
    await store.close();
  }
}

/** Runs a command that needs the queues too. */
export async function withQueues(
  command: Command,
  context: CliContext,
  body: (store: Store, queues: Queues) => Promise<void>,
): Promise<void> {
  await withStore(command, context, async (store) => {
    const queues = openQueues(store);
    try {
      const redis = healthChecks(store, queues.redis).filter(({ engine }) => engine === 'redis');
      await waitFor(redis, store.log, context.stop);
      await body(store, queues);
    } finally {
      await queues.close();
    }
  });
}
