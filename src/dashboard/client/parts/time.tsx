import { formatDuration, formatRelative, formatUtc } from '../format.js';
import { h, type VNode } from '../vendor/preact.js';

/** A time as people think of it, "3 min ago"; the exact one shows when the pointer rests on it. */
export function When({ at, now }: { readonly at: string; readonly now: number }): VNode {
  return (
    <time dateTime={at} title={formatUtc(at)}>
      {formatRelative(Date.parse(at), now)}
    </time>
  );
}

/** How long something has been so, "for 3 min"; since when exactly shows when the pointer rests on it. */
export function HowLong({ since, now }: { readonly since: string; readonly now: number }): VNode {
  return (
    <time dateTime={since} title={`since ${formatUtc(since)}`}>
      for {formatDuration((now - Date.parse(since)) / 1000)}
    </time>
  );
}
