import { pause } from '../pause.js';
import type { Replica } from '../replicas/replica.js';
import type { Fault, World } from './fault.js';
import { makesObject } from './s3-faults.js';

/** So long is waited for a write to S3. */
const PATIENCE_MS = 12_000;

/**
 * All replicas lose power while their last writes are on the way to S3, where they arrive long after others have taken
 * the orders over: nobody is left who could take such a write back.
 */
const blackout: Fault = {
  name: 'all replicas killed, their writes come late',
  weight: 5,
  draw: (random) => {
    const moreMs = random.between(0, 1500);
    const awayMs = random.between(0, 2000);
    const lateMs = [random.between(8000, 20_000), random.between(15_000, 40_000)] as const;
    const own = random.fork();
    return {
      details: { moreMs, awayMs, lateMs },
      happen: async (world) => {
        const hit = new AbortController();
        const remove = world.s3Proxy.add((request) => {
          if (!makesObject(request)) return undefined;
          hit.abort();
          return { kind: 'late', milliseconds: own.pick(lateMs) };
        });
        const over = (): void => {
          hit.abort();
        };
        world.stop.addEventListener('abort', over, { once: true });
        await pause(PATIENCE_MS, hit.signal);
        await pause(moreMs, world.stop);
        const killed = await killIdle(world);
        remove();
        world.stop.removeEventListener('abort', over);
        await pause(awayMs, world.stop);
        for (const replica of killed) world.replicas.start(replica.start.slot);
        return killed.length > 0;
      },
    };
  },
};

async function killIdle({ replicas }: World): Promise<readonly Replica[]> {
  const killed: Replica[] = [];
  for (let replica = replicas.idle(0); replica !== undefined; replica = replicas.idle(0)) {
    replica.busy = true;
    killed.push(replica);
  }
  await Promise.all(killed.map((replica) => replica.kill()));
  return killed;
}

/** What happens to replicas and network at the same time. */
export const BLACKOUT_FAULTS = [blackout] as const;
