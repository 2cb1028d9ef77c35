import { join, resolve } from 'node:path';
import type { Log } from '../observability/log.js';
import { startClickHouse } from './clickhouse.js';
import { lockDirectory } from '../config/directory-lock.js';
import type { Engine, EngineExit, EngineOptions } from './engine.js';
import { startRedis } from './redis.js';
import { OBJECTS, S3_CREDENTIALS, startS3 } from './s3.js';

/** Redis, ClickHouse and S3 in child processes. */
export interface Engines {
  readonly clickhouse: Engine;
  readonly redis: Engine;
  readonly s3: Engine;
  /** The environment variables that point log-courier at them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the objects of the embedded S3 lie as files, a folder a bucket. */
  readonly s3Directory: string;
  /** Resolves when the first engine has ended without having been told to; never when all were. */
  readonly exited: Promise<EngineExit>;
  /** Ends all engines in order and gives the directory back. */
  readonly stop: () => Promise<void>;
}

/** How to start the engines. */
export interface EnginesOptions {
  /** Directory of all their data, made when missing. What is there from an earlier start is used again. */
  readonly dir: string;
  /** Gives up the start. Running engines are not touched. */
  readonly signal?: AbortSignal;
  readonly log?: Log;
}

/**
 * Starts the three engines on free ports of 127.0.0.1. They end with this process, however it ends.
 *
 * @throws DirectoryInUseError when the engines of this directory run already
 * @throws EngineMissingError when something is not installed, EngineStartError when an engine does not start
 */
export async function startEngines({ dir, signal, log }: EnginesOptions): Promise<Engines> {
  const directory = resolve(dir);
  const unlock = await lockDirectory(directory, 0);
  const within = (name: string): EngineOptions => ({
    dir: join(directory, name),
    ...(signal === undefined ? {} : { signal }),
  });
  const starts = [
    startClickHouse(within('clickhouse')),
    startRedis(within('redis')),
    startS3(within('s3')),
  ] as const;
  try {
    const [clickhouse, redis, s3] = await Promise.all(starts);
    for (const { name, url, pid } of [clickhouse, redis, s3])
      log?.info({ engine: name, url, enginePid: pid }, 'embedded engine started');
    return enginesOf(clickhouse, redis, s3, join(directory, 's3', OBJECTS), unlock);
  } catch (error) {
    const started = await Promise.allSettled(starts);
    await Promise.all(
      started.map(async (start) => (start.status === 'fulfilled' ? start.value.stop() : undefined)),
    );
    unlock();
    throw error;
  }
}

function enginesOf(
  clickhouse: Engine,
  redis: Engine,
  s3: Engine,
  s3Directory: string,
  unlock: () => void,
): Engines {
  const all = [clickhouse, redis, s3];
  let stopping = false;
  const exited = new Promise<EngineExit>((report) => {
    for (const engine of all) {
      void engine.exited.then((exit) => {
        if (!stopping) report(exit);
      });
    }
  });
  return {
    clickhouse,
    redis,
    s3,
    environment: {
      LOG_COURIER_CLICKHOUSE_URL: clickhouse.url,
      LOG_COURIER_REDIS_URL: redis.url,
      S3_ENDPOINT: s3.url,
      S3_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
      S3_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
      S3_REGION: 'us-east-1',
    },
    s3Directory,
    exited,
    stop: async () => {
      stopping = true;
      await Promise.all(all.map(async (engine) => engine.stop()));
      unlock();
    },
  };
}
