import { startProcessors } from '../../src/cli/roles.js';
import { jobIdOf } from '../../src/queues/delivery.js';
import { settled } from './queue-events.js';
import type { Workbench } from './workbench.js';

/** Orders what is ready, and has every order that is open tried to its end, well or not. */
export async function deliverAll(bench: Workbench): Promise<void> {
  await bench.discover();
  await tryOpenOrders(bench);
}

/** Has every order that is open tried to its end, well or not. */
export async function tryOpenOrders(bench: Workbench): Promise<void> {
  const events = await bench.eventsOf(bench.delivery);
  const done = settled(events, (await bench.open()).map(jobIdOf));
  const processors = startProcessors(bench.here.store);
  await done;
  await processors.drain();
}
