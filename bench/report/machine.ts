import { execFile } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from '@clickhouse/client';
import { Redis } from 'ioredis';
import { z } from 'zod';
import type { Lab } from '../lab/lab.js';

/** What a figure depends on besides the program. */
export interface Machine {
  readonly cpu: string;
  /** Cores that this process may use. */
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly clickhouse: string;
  readonly redis: string;
  /** The commit; `+` behind it when files differ from it. */
  readonly revision: string;
}

/** Describes where and with what a run is made. */
export async function describeMachine(lab: Lab): Promise<Machine> {
  const [clickhouse, redis, revision] = await Promise.all([
    clickhouseVersion(lab.clickhouse.url),
    redisVersion(lab.redis.url),
    gitRevision(),
  ]);
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    system: `${type()} ${release()}`,
    node: process.version,
    clickhouse,
    redis,
    revision,
  };
}

async function clickhouseVersion(url: string): Promise<string> {
  const client = createClient({ url });
  const answer = await client.query({ query: 'SELECT version() AS version', format: 'JSONEachRow' });
  const [row] = z.array(z.object({ version: z.string() })).parse(await answer.json());
  await client.close();
  return `${row?.version ?? 'unknown'} (embedded)`;
}

async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url);
  const info = await redis.info('server');
  redis.disconnect();
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
}

/** Unknown outside of a git checkout. */
async function gitRevision(): Promise<string> {
  const git = async (...words: string[]): Promise<string> => {
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const { stdout } = await promisify(execFile)('git', words, { cwd });
    return stdout.trim();
  };
  try {
    const [commit, changes] = await Promise.all([
      git('rev-parse', '--short=12', 'HEAD'),
      git('status', '--porcelain', '--untracked-files=no'),
    ]);
    return changes === '' ? commit : `${commit}+`;
  } catch {
    return 'unknown';
  }
}
