import { Redis } from 'ioredis';
import type { RevivableEngine } from '../engines/revivable-engine.js';
import { pause } from '../pause.js';
import type { Fault, World } from './fault.js';

/** SIGKILL, and the same data again after a while. */
function killed(
  name: string,
  weight: number,
  engineOf: (world: World) => RevivableEngine,
  wipe = false,
): Fault {
  return {
    name,
    weight,
    draw: (random) => {
      const awayMs = random.between(0, 3000);
      return {
        details: { awayMs },
        happen: async (world) => {
          await engineOf(world).outage({ wait: () => pause(awayMs, world.stop), wipe });
          return true;
        },
      };
    },
  };
}

/** Redis forgets everything under the feet of its clients. */
const flushed: Fault = {
  name: 'Redis flushed',
  weight: 3,
  draw: () => ({
    details: {},
    happen: async ({ redis }) => {
      let done = false;
      await redis.whileUp(async () => {
        done = await flushAll(redis.how.port);
      });
      return done;
    },
  }),
};

async function flushAll(port: number): Promise<boolean> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  try {
    await client.flushall();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

/** What happens to the engines themselves. */
export const ENGINE_FAULTS = [
  killed('Redis killed', 4, ({ redis }) => redis),
  killed('Redis killed and emptied', 3, ({ redis }) => redis, true),
  flushed,
  killed('ClickHouse killed', 4, ({ clickhouse }) => clickhouse),
  killed('S3 killed', 2, ({ s3 }) => s3),
] as const;
