import { once } from 'node:events';
import { openQueues, openStore } from '../../src/cli/assembly.js';
import { loadSettings } from '../../src/config/load.js';
import { silentLog } from '../../src/observability/log.js';
import { runDiscovery } from '../../src/processors/discovery.js';
import { discoveriesOf } from '../../src/queues/discovery.js';
import { cycleRequest, type CycleAnswer } from './discovery-cycle.js';

/**
 * A process that runs a discovery each time that it is told to, with all that belongs to one in the service: orders
 * into the book and the queue, a look at the open ones, at failed ones and at the end of retention.
 */
process.on('disconnect', () => process.exit());
const stop = new AbortController().signal;
const { settings } = loadSettings({ flags: {}, environment: process.env });
const store = openStore(settings, silentLog());
const queues = openQueues(store);
const { metrics, log } = store;
const parts = {
  settings,
  metrics,
  log,
  redis: queues.redis,
  discoveryQueue: queues.discovery,
  pipelines: queues.deliveries,
};
process.send?.({ ready: true });
for (;;) {
  const received: readonly unknown[] = await once(process, 'message');
  cycleRequest.parse(received.at(0));
  process.send?.(await cycle());
}

async function cycle(): Promise<CycleAnswer> {
  const began = performance.now();
  const answer = { orders: 0, records: 0 };
  for (const { pipeline } of queues.deliveries) {
    for (const job of discoveriesOf(pipeline.name, settings['consumer.discovery-shards'])) {
      const outcome = await runDiscovery(parts, job, stop);
      answer.orders += outcome?.orders ?? 0;
      answer.records += outcome?.records ?? 0;
    }
  }
  return { ...answer, ms: performance.now() - began };
}
