import { z } from 'zod';
import { meterOf, type Delivery } from '../lab/delivery-round.js';
import { peakBytes } from '../lab/process-cost.js';
import { startScript, type Script } from '../lab/script.js';
import type { Site } from '../lab/site.js';
import { taskOf } from './task.js';

/** Starts the process of `naive`: see naive-main.ts. */
export function startNaive(): Script {
  return startScript('../contenders/naive-main.ts');
}

/** Has `naive` deliver everything. */
export async function deliverNaively(
  script: Script,
  site: Site,
  records: number,
  buckets: number,
): Promise<Delivery> {
  await site.sink.reset();
  const ready = script.next(z.object({ ready: z.literal(true) }));
  script.send({ isReady: true });
  await ready;
  const meter = meterOf(site, [script.pid]);
  const done = script.next(z.object({ done: z.literal(true) }));
  const began = performance.now();
  script.send(taskOf(site, buckets));
  await done;
  const seconds = (performance.now() - began) / 1000;
  const cpu = meter.read();
  const { bytes, objects } = await site.sink.stats();
  return { seconds, records, bytes, objects, cpu, peakBytes: peakBytes(script.pid) };
}
