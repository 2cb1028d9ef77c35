import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import type { Engine } from '../../src/embedded/engine.js';
import { startRedis } from '../../src/embedded/redis.js';

/** The engines that all benchmarks of a run share, each a process. */
export interface Lab {
  readonly clickhouse: Engine;
  readonly redis: Engine;
  /** Where logs go. */
  readonly logs: string;
  /** Ends the engines and removes their data. */
  readonly close: () => Promise<void>;
}

/** Starts ClickHouse and Redis with empty data directories. */
export async function openLab(): Promise<Lab> {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-bench-'));
  const logs = join(dir, 'logs');
  await mkdir(logs);
  const starts = [
    startClickHouse({ dir: join(dir, 'clickhouse') }),
    startRedis({ dir: join(dir, 'redis') }),
  ] as const;
  const close = async (): Promise<void> => {
    for (const start of await Promise.allSettled(starts))
      if (start.status === 'fulfilled') await start.value.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const [clickhouse, redis] = await Promise.all(starts);
    return { clickhouse, redis, logs, close };
  } catch (error) {
    await close();
    throw error;
  }
}
