import type { Queue, QueueEvents } from 'bullmq';
import { openQueues, type Queues } from '../../src/cli/assembly.js';
import type { Engines } from '../../src/embedded/engines.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { runDiscovery, type DiscoveryOutcome, type DiscoveryParts } from '../../src/processors/discovery.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import type { Environment } from './cli.js';
import { deploy, type Deployment } from './deployment.js';
import { openQueueEvents } from './queue-events.js';

/** The discovery of all raft sessions. */
export const WHOLE = { pipeline: 'access-logs', shard: 0, shards: 1 } as const;

/** A deployment with its queues, for tests of the processors. */
export interface Workbench {
  readonly here: Deployment;
  readonly queues: Queues;
  /** The delivery queue of the access logs. */
  readonly delivery: Queue;
  readonly parts: DiscoveryParts;
  /** Name of a bucket that is not there yet, and that no other workbench uses. */
  readonly target: string;
  readonly discover: (signal?: AbortSignal) => Promise<DiscoveryOutcome | undefined>;
  readonly open: () => Promise<readonly AccessLogOrder[]>;
  /** Job ids of the orders that the book has open, in order. */
  readonly inBook: () => Promise<readonly string[]>;
  /** Ids of the jobs that are to be taken, in order. */
  readonly inQueue: () => Promise<readonly string[]>;
  /** The events of a queue, until all is closed. */
  readonly eventsOf: (queue: Queue) => Promise<QueueEvents>;
  /** Has something done before all is closed; what was asked for last is done first. */
  readonly atEnd: (cleanup: () => unknown) => void;
  readonly close: () => Promise<void>;
}

/** Sets one up on engines that are shared, with a database and Redis keys by its name. */
export async function openWorkbench(
  engines: Engines,
  name: string,
  more: Environment = {},
): Promise<Workbench> {
  const here = await deploy(engines, name, more);
  const queues = openQueues(here.store);
  const [first] = queues.deliveries;
  if (first === undefined) throw new Error('there is no pipeline');
  const delivery = first.queue;
  const { redis, discovery: discoveryQueue } = queues;
  const parts = { ...here.store, pipelines: queues.deliveries, discoveryQueue, redis };
  const cleanups: (() => unknown)[] = [];
  const open = (): Promise<readonly AccessLogOrder[]> => here.pipeline.outstanding(WHOLE);
  return {
    here,
    queues,
    delivery,
    parts,
    target: `${name.replaceAll('_', '-')}-targets`,
    discover: (signal = new AbortController().signal) => runDiscovery(parts, WHOLE, signal),
    open,
    inBook: async () => (await open()).map(jobIdOf).sort(),
    inQueue: async () => (await delivery.getRanges(['waiting', 'prioritized', 'delayed'], 0, -1)).sort(),
    eventsOf: async (queue) => {
      const events = await openQueueEvents(here.settings, queue.name);
      cleanups.push(() => events.close());
      return events;
    },
    atEnd: (cleanup) => cleanups.push(cleanup),
    close: async () => {
      for (const cleanup of cleanups.reverse()) await cleanup();
      await queues.close();
      await here.close();
    },
  };
}
