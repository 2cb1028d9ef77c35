import type { Worker } from 'bullmq';
import { startDiscoveryWorker, type DiscoveryParts } from '../../src/processors/discovery.js';
import { useWorkbench } from './test-workbench.js';
import type { Workbench } from './workbench.js';

/** The schedule is so slow that a discovery runs when a test says so, and not by itself. */
const BY_HAND = {
  LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '3600',
  LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '7200',
  LOG_COURIER_CONSUMER_DISCOVERY_INTERVAL_JITTER_FACTOR: '0',
};

/** A workbench for tests of discovery. */
export interface DiscoveryBench extends Workbench {
  /** Adds five records of each of the buckets. */
  readonly addRecords: (...buckets: string[]) => Promise<void>;
  /** Takes discoveries from the queue, until the test ends. */
  readonly startWorker: (more?: Partial<DiscoveryParts>) => Worker;
}

/**
 * Starts engines before the tests of a file and ends them behind; the workbenches that a test opens are closed after it.
 *
 * @param name of the tests, in kebab-case
 * @returns opens a workbench
 */
export function useDiscoveryBench(name: string): () => Promise<DiscoveryBench> {
  const open = useWorkbench(name);
  return async () => {
    const bench = await open(BY_HAND);
    return {
      ...bench,
      addRecords: async (...buckets) => {
        for (const bucket of buckets) await bench.here.addRecords({ bucket, target: 'targets', count: 5 });
      },
      startWorker: (more = {}) => {
        const worker = startDiscoveryWorker({ ...bench.parts, ...more });
        bench.atEnd(() => worker.close());
        return worker;
      },
    };
  };
}
