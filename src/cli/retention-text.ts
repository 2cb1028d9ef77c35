import type { ExpiringRecords, RetentionReport } from '../pipelines/retention.js';
import { formatCount, formatDuration, formatNumberOf } from './format.js';

/** Lines that are printed; more are only counted. */
const LINES = 20;

/** What is near the end of its retention, and what is lost, in lines; none when there is nothing. */
export function describeRetention({
  at,
  records,
  sources,
  deadline,
  expiring,
  expired,
}: RetentionReport): readonly string[] {
  const lines: string[] = [];
  if (deadline !== null) {
    const left = (Date.parse(deadline) - Date.parse(at)) / 1000;
    const when = left > 0 ? `in ${formatDuration(left)}` : 'at any moment';
    lines.push(
      `  near the end of their retention: ${formatNumberOf(records, 'record')} of ${formatNumberOf(sources, 'bucket')}, the first will be lost ${when}`,
      ...expiring.slice(0, LINES).map(describeLine),
    );
    if (expiring.length > LINES) lines.push('    … (the others: --json)');
  }
  for (const { order, source, lost, code } of expired.slice(0, LINES)) {
    lines.push(
      `  lost: ${formatNumberOf(lost, 'record')} of ${source} reached the end of their retention undelivered (order ${order}, ${code})`,
    );
  }
  if (expired.length > LINES) lines.push(`  … and of ${formatCount(expired.length - LINES)} more orders`);
  if (expired.length > 0) lines.push('  To write a loss down: log-courier skip --order ID --reason TEXT');
  return lines;
}

function describeLine({ source, records, deadline, state, code }: ExpiringRecords): string {
  const why = state === 'failed' ? `failed with ${code}` : state;
  return `    ${source}: ${formatNumberOf(records, 'record')}, ${why}; the first will be lost at ${deadline}`;
}
