import type { Job, QueueEvents, Worker } from 'bullmq';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { startDeliveryWorker, type DeliveryParts } from '../../src/processors/delivery.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import type { Environment } from './cli.js';
import type { Records } from './deployment.js';
import type { Fate, HttpProxy, ProxiedRequest } from './http-proxy.js';
import { startProxiedEngines, type Proxies } from './proxied-engines.js';
import { useEngines } from './test-engines.js';
import { useWorkbenchOn } from './test-workbench.js';
import type { Workbench } from './workbench.js';

/** A workbench for tests of delivery, which knows S3 by a proxy. Its proxies let everything pass when it is opened. */
export interface DeliveryBench extends Workbench, Proxies {
  /** The events of the delivery queue. */
  readonly events: QueueEvents;
  /** Delivers what is in the queue, until the test ends. */
  readonly startWorker: (more?: Partial<DeliveryParts<AccessLogOrder>>) => Worker;
  /** Adds records, by default twenty of `photos` for the target, and has them ordered; the first of the open orders. */
  readonly order: (records?: Partial<Records>) => Promise<AccessLogOrder>;
  readonly jobOf: (order: AccessLogOrder) => Promise<Job>;
  /** The log of the order's job. */
  readonly logOf: (order: AccessLogOrder) => Promise<string>;
  /** Tells whether a request uploads an object, or a part of one, to the target. */
  readonly isUpload: (request: ProxiedRequest) => boolean;
  /** Holds uploads back, until the test ends at the latest; `begun` resolves when the first one is there. */
  readonly holdUploads: () => { readonly begun: Promise<void>; readonly release: () => void };
}

/**
 * Starts engines and proxies before the tests of a file and ends them behind; the workbenches that a test opens are
 * closed after it.
 *
 * @param name of the tests, in kebab-case
 * @param environment what the tests need besides S3 behind the proxy
 * @returns opens a workbench
 */
export function useDeliveryBench(
  name: string,
  environment: (proxies: Proxies) => Environment,
): () => Promise<DeliveryBench> {
  const proxied = useEngines(name, startProxiedEngines);
  const open = useWorkbenchOn(() => proxied().engines, name);
  return async () => {
    const { s3, clickhouse } = proxied();
    s3.reset();
    clickhouse.reset();
    const bench = await open({ S3_ENDPOINT: s3.url, ...environment({ s3, clickhouse }) });
    return deliveryBench(bench, { s3, clickhouse });
  };
}

async function deliveryBench(bench: Workbench, proxies: Proxies): Promise<DeliveryBench> {
  const { here, delivery, target, atEnd } = bench;
  const isUpload = ({ method, url }: ProxiedRequest): boolean =>
    method === 'PUT' && url.startsWith(`/${target}/`) && url !== `/${target}/`;
  return {
    ...bench,
    ...proxies,
    events: await bench.eventsOf(delivery),
    startWorker: (more = {}) => {
      const worker = startDeliveryWorker({ ...here.store, pipeline: here.pipeline, ...more });
      atEnd(() => worker.close());
      return worker;
    },
    order: async (records = {}) => {
      await here.addRecords({ bucket: 'photos', target, count: 20, ...records });
      await bench.discover();
      const [first] = await bench.open();
      if (first === undefined) throw new Error('nothing was ordered');
      return first;
    },
    jobOf: async (order) => {
      const job: Job | undefined = await delivery.getJob(jobIdOf(order));
      if (job === undefined) throw new Error('the job is gone');
      return job;
    },
    logOf: async (order) => (await delivery.getJobLogs(jobIdOf(order))).logs.join('\n'),
    isUpload,
    holdUploads: () => {
      const held = hold(proxies.s3, isUpload);
      atEnd(held.release);
      return held;
    },
  };
}

function hold(
  proxy: HttpProxy,
  fits: (request: ProxiedRequest) => boolean,
): { readonly begun: Promise<void>; readonly release: () => void } {
  let tell = (): void => undefined;
  let release = (): void => undefined;
  const begun = new Promise<void>((resolve) => (tell = resolve));
  const released = new Promise<Fate>((resolve) => {
    release = () => {
      resolve({ kind: 'pass' });
    };
  });
  proxy.rule((request) => {
    if (!fits(request)) return { kind: 'pass' };
    tell();
    return released;
  });
  return { begun, release };
}
