import { Worker } from 'bullmq';
import { redisOptions } from '../../src/queues/connection.js';
import type { Workbench } from './workbench.js';

/** Takes the next job of the delivery queue and holds it until the test ends, as if it was delivered for a long time. */
export async function holdNextJob({
  here: { settings },
  delivery,
  atEnd,
}: Pick<Workbench, 'here' | 'delivery' | 'atEnd'>): Promise<void> {
  const taken = new Promise<() => void>((resolve) => {
    const worker = new Worker(
      delivery.name,
      () =>
        new Promise<void>((release) => {
          resolve(release);
        }),
      { connection: redisOptions(settings), prefix: settings['redis.key-prefix'] },
    );
    atEnd(async () => {
      (await taken)();
      await worker.close();
    });
  });
  await taken;
}
