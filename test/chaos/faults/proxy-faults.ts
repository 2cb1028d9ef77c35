import { pause } from '../pause.js';
import type { FaultProxy } from '../proxy/fault-proxy.js';
import type { Harm, RequestHead } from '../proxy/harm.js';
import type { Random } from '../random.js';
import type { Fault, World } from './fault.js';

/** A fault that lasts for a while and hits requests that pass through a proxy. */
export interface ProxyFault {
  readonly name: string;
  readonly weight: number;
  readonly proxyOf: (world: World) => FaultProxy;
  readonly forMs: readonly [least: number, most: number];
  /** Probabilities of a request that fits; one of them is drawn for the whole time. */
  readonly hits: readonly [number, ...number[]];
  readonly fits: (request: RequestHead) => boolean;
  /** Draws the harm of one request. */
  readonly harm: (random: Random) => Harm;
  /** Only one target bucket is hit, in half of the cases. */
  readonly sometimesOneTarget?: boolean;
}

/** Makes it a fault. */
export function proxyFault(options: ProxyFault): Fault {
  const { name, weight, proxyOf, forMs, hits, fits, harm } = options;
  return {
    name,
    weight,
    draw: (random) => {
      const lastsMs = random.between(...forMs);
      const hitting = random.pick(hits);
      const one = options.sometimesOneTarget === true && random.chance(0.5);
      const target = random.next();
      const own = random.fork();
      return {
        details: { lastsMs, hitting, ...(one ? { target } : {}) },
        happen: async (world) => {
          const { targetBuckets } = world;
          const bucket = one ? targetBuckets[Math.floor(target * targetBuckets.length)] : undefined;
          const remove = proxyOf(world).add((request) => {
            if (!fits(request) || (bucket !== undefined && bucketOf(request) !== bucket)) return undefined;
            return own.chance(hitting) ? harm(own) : undefined;
          });
          await pause(lastsMs, world.stop);
          remove();
          return true;
        },
      };
    },
  };
}

/** Bucket of a path-style S3 request. */
function bucketOf({ url }: RequestHead): string | undefined {
  return /^\/([^/?]+)/.exec(url)?.[1];
}
