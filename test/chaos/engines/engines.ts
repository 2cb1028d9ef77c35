import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { startClickHouse } from '../../../src/embedded/clickhouse.js';
import { freePort } from '../../../src/embedded/listen.js';
import { startRedis } from '../../../src/embedded/redis.js';
import { S3_CREDENTIALS, startS3 } from '../../../src/embedded/s3.js';
import type { EventLog } from '../event-log.js';
import type { ProcessBook } from '../processes.js';
import { startFaultProxy, type FaultProxy } from '../proxy/fault-proxy.js';
import { RevivableEngine, type EngineStart } from './revivable-engine.js';

/** The engines of a run, and the proxies that stand before two of them. */
export interface ChaosEngines {
  readonly clickhouse: RevivableEngine;
  readonly redis: RevivableEngine;
  readonly s3: RevivableEngine;
  readonly clickhouseProxy: FaultProxy;
  readonly s3Proxy: FaultProxy;
  /** Points a replica at the engines: by way of the proxies. */
  readonly harmedEnvironment: Readonly<Record<string, string>>;
  /** Points the harness at the engines themselves. */
  readonly directEnvironment: Readonly<Record<string, string>>;
  /** Where the embedded S3 writes down each write. */
  readonly journal: string;
  readonly close: () => Promise<void>;
}

/** How to start them. */
export interface ChaosEngineOptions {
  /** Directory of their data. */
  readonly dir: string;
  readonly conditionalWrites: boolean;
  readonly processes: ProcessBook;
  readonly events: EventLog;
  /** Aborted to let go of the requests that proxies hold. */
  readonly stop: AbortSignal;
}

/** Starts them on ports that stay theirs for the whole run. */
export async function startChaosEngines(options: ChaosEngineOptions): Promise<ChaosEngines> {
  const { dir, conditionalWrites, processes, events, stop } = options;
  // Every request that a proxy holds listens.
  setMaxListeners(0, stop);
  const revivable = async (name: string, start: EngineStart['start']): Promise<RevivableEngine> =>
    new RevivableEngine(name, { start, dir: join(dir, name), port: await freePort() }, processes, events);
  const s3WithJournal = { conditionalWrites, journal: true };
  const clickhouse = await revivable('clickhouse', startClickHouse);
  const redis = await revivable('redis', startRedis);
  const s3 = await revivable('s3', (how) => startS3({ ...how, ...s3WithJournal }));
  const engines = [clickhouse, redis, s3];
  const started = await Promise.allSettled(engines.map((engine) => engine.start()));
  const failed = started.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(engines.map((engine) => engine.stop()));
    throw failed.reason;
  }
  const clickhouseProxy = await startFaultProxy({ host: '127.0.0.1', port: clickhouse.how.port }, stop);
  const s3Proxy = await startFaultProxy({ host: '127.0.0.1', port: s3.how.port }, stop);
  const environmentOf = (clickhouseUrl: string, s3Url: string): Record<string, string> => ({
    LOG_COURIER_CLICKHOUSE_URL: clickhouseUrl,
    LOG_COURIER_REDIS_URL: `redis://127.0.0.1:${redis.how.port}`,
    S3_ENDPOINT: s3Url,
    S3_REGION: 'us-east-1',
    S3_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
    S3_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
  });
  return {
    clickhouse,
    redis,
    s3,
    clickhouseProxy,
    s3Proxy,
    harmedEnvironment: environmentOf(clickhouseProxy.url, s3Proxy.url),
    directEnvironment: environmentOf(
      `http://127.0.0.1:${clickhouse.how.port}`,
      `http://127.0.0.1:${s3.how.port}`,
    ),
    journal: join(s3.how.dir, 'journal.jsonl'),
    close: async () => {
      await Promise.all([clickhouseProxy.close(), s3Proxy.close()]);
      await Promise.all(engines.map((engine) => engine.stop()));
    },
  };
}
