import type { Pipeline } from '../pipelines/pipeline.js';
import { hideSecrets } from '../config/secrets.js';
import type { MaintenanceContext, MaintenanceParts, TaskOutcome } from './maintenance-task.js';
import { channelsOf, type Channel } from './notifications/channels.js';
import { messageOf } from './notifications/message.js';
import { stuckNews, type StuckLook } from './notifications/news.js';
import { ToldInRedis } from './notifications/told.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';

type NotifyParts = Pick<MaintenanceParts, 'settings' | 'redis' | 'metrics' | 'log'>;

/**
 * Tells on every channel which sources have become stuck and which have recovered, in one message for all of them. Each
 * channel has its own memory: one that is out of order hears of everything once it is mended, and the other is not told
 * twice. A message that was taken, but whose process died before Redis knew, is sent again.
 */
export async function notifyOfStuck(
  parts: NotifyParts,
  { pipeline }: Pick<PipelineQueue, 'pipeline'>,
  { signal, leaseRemainingMs }: MaintenanceContext,
): Promise<TaskOutcome> {
  const { settings, redis, log } = parts;
  let look: StuckLook | undefined;
  const figures = { sent: 0, failed: 0 };
  for (const channel of channelsOf(settings)) {
    const told = new ToldInRedis(redis, settings, channel.name, pipeline.name);
    // Another process has taken this one's place, and tells.
    if (leaseRemainingMs() <= 0) break;
    if (await told.isResting()) continue;
    look ??= await lookAt(pipeline, settings['notification.repeat-hours'] * 3_600_000);
    try {
      if (await tell(parts, pipeline, channel, told, look, signal)) figures.sent += 1;
    } catch (error) {
      signal.throwIfAborted();
      figures.failed += 1;
      parts.metrics.notifications.inc({ channel: channel.name, status: 'failed' });
      const why = hideSecrets(error instanceof Error ? error.message : String(error), settings);
      log.warn(
        { pipeline: pipeline.name, channel: channel.name, why },
        'a notification could not be sent; the next run tries again',
      );
    }
  }
  return { found: figures.sent > 0, figures };
}

/**
 * What has failed, and what is tried again. An order can go from one to the other between the two questions; so that it
 * is not missed in both, the first is asked once more.
 */
async function lookAt(pipeline: Pipeline, repeatMs: number): Promise<StuckLook> {
  const before = await pipeline.failed({});
  const open = new Set((await pipeline.outstanding({ shard: 0, shards: 1 })).map(({ id }) => id));
  const after = await pipeline.failed({});
  // Of an order that was failed a moment ago and is no more, the next look will know what became of it.
  const ids = new Set(after.map(({ order }) => order.id));
  for (const { order } of before) if (!ids.has(order.id)) open.add(order.id);
  return { failed: after, open, at: new Date().toISOString(), repeatMs };
}

/** @returns whether there was anything to tell */
async function tell(
  { settings, metrics }: NotifyParts,
  pipeline: Pipeline,
  channel: Channel,
  told: ToldInRedis,
  look: StuckLook,
  signal: AbortSignal,
): Promise<boolean> {
  const before = await told.read();
  const news = stuckNews(look, before);
  const isNews = news.stuck.length + news.still.length + news.recovered.length > 0;
  if (isNews) {
    const wording = { pipeline: pipeline.name, source: pipeline.words.source };
    await channel.send(messageOf(settings, wording, news, look.at), signal);
    metrics.notifications.inc({ channel: channel.name, status: 'sent' });
    await told.rest(settings['notification.min-interval-seconds'] * 1000);
  }
  await told.write(before, news.told);
  return isNews;
}
