import { z } from 'zod';
import { meterOf, type Delivery } from '../lab/delivery-round.js';
import { peakBytes } from '../lab/process-cost.js';
import { startScript } from '../lab/script.js';
import type { Site } from '../lab/site.js';
import { taskOf } from './task.js';

/** `naive`: see naive-main.ts. A new process each time, started before the clock. */
export async function deliverNaively(site: Site, records: number, buckets: number): Promise<Delivery> {
  await site.sink.reset();
  const script = startScript('../contenders/naive-main.ts');
  try {
    await script.next(z.object({ ready: z.literal(true) }));
    const meter = meterOf(site, [script.pid]);
    const done = script.next(z.object({ done: z.literal(true) }));
    const began = performance.now();
    script.send(taskOf(site, buckets));
    await done;
    const seconds = (performance.now() - began) / 1000;
    const cpu = meter.read();
    const { bytes, objects } = await site.sink.stats();
    return { seconds, records, bytes, objects, cpu, peakBytes: peakBytes(script.pid) };
  } finally {
    await script.stop();
  }
}
