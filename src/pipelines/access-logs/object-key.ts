import type { Settings } from '../../config/settings.js';
import { digestOf, type AccessLogOrder } from './order.js';

/** Forms of key, as AWS names them. */
export type KeyFormat = Settings['object-key.format'];

/** What partitioned keys need to know of the source. */
export interface KeyOptions {
  readonly format: KeyFormat;
  readonly sourceAccount: string;
  readonly sourceRegion: string;
}

/** Reads the key options out of the settings. */
export function keyOptionsOf(settings: Settings): KeyOptions {
  return {
    format: settings['object-key.format'],
    sourceAccount: settings['object-key.source-account'],
    sourceRegion: settings['object-key.source-region'],
  };
}

/** One object of an order: the target, and the UTC day of its events when keys are partitioned by event time. */
export interface KeyTarget {
  readonly targetBucket: string;
  readonly targetPrefix: string;
  /** YYYY-MM-DD; empty unless keys are partitioned by event time. */
  readonly day: string;
}

/**
 * The key of a log object. It is a function of the order and the target alone: a repeat makes the same key, also
 * when late records have joined the order since.
 *
 * Simple: `[prefix]YYYY-MM-DD-hh-mm-ss-UNIQUE`. Partitioned:
 * `[prefix][account]/[region]/[bucket]/YYYY/MM/DD/YYYY-MM-DD-hh-mm-ss-UNIQUE`.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html#server-log-keyname-format
 */
export function objectKey(order: AccessLogOrder, target: KeyTarget, options: KeyOptions): string {
  const unique = digestOf(order, target.targetBucket, target.targetPrefix, target.day);
  const time = keyTime(order, target, options.format);
  const name = `${time}-${unique}`;
  if (options.format === 'simple') return target.targetPrefix + name;
  const folder = time.slice(0, 10).replaceAll('-', '/');
  return `${target.targetPrefix}${options.sourceAccount}/${options.sourceRegion}/${order.bucket}/${folder}/${name}`;
}

/** YYYY-MM-DD-hh-mm-ss of a key. */
function keyTime(order: AccessLogOrder, target: KeyTarget, format: KeyFormat): string {
  switch (format) {
    case 'simple':
      return dashed(order.firstStartTime);
    case 'partitioned-by-event-time':
      return `${target.day}-00-00-00`;
    case 'partitioned-by-delivery-time':
      return dashed(order.orderedAt);
  }
}

function dashed(isoTime: string): string {
  return isoTime.slice(0, 19).replaceAll(/[T:]/g, '-');
}
