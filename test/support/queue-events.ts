import { QueueEvents } from 'bullmq';
import type { Settings } from '../../src/config/settings.js';
import { redisOptions } from '../../src/queues/connection.js';

/** The events of a queue, whichever process makes them. The caller closes it. */
export async function openQueueEvents(settings: Settings, queue: string): Promise<QueueEvents> {
  const events = new QueueEvents(queue, {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
  events.on('error', () => undefined);
  await events.waitUntilReady();
  return events;
}

/** Resolves with what the next job to complete has returned. */
export function nextResult(events: QueueEvents): Promise<unknown> {
  return new Promise((resolve) =>
    events.once('completed', ({ returnvalue }) => {
      resolve(returnvalue);
    }),
  );
}

/** Resolves when each of the jobs has completed or failed for good, counted from the call. */
export async function settled(events: QueueEvents, jobIds: readonly string[]): Promise<void> {
  const open = new Set(jobIds);
  await new Promise<void>((resolve) => {
    const note = ({ jobId }: { readonly jobId: string }): void => {
      open.delete(jobId);
      if (open.size > 0) return;
      events.off('completed', note);
      events.off('failed', note);
      resolve();
    };
    events.on('completed', note);
    events.on('failed', note);
  });
}
