import type { PipelineStatus } from '../../pipelines/pipeline.js';
import { print, printJson, type Register } from '../context.js';
import { formatCount, formatDuration, formatNumberOf } from '../format.js';
import { describeRetention } from '../retention-text.js';
import { withSettings } from '../setting-flags.js';
import { withStore } from '../with-store.js';

/** `status`: what is delivered, what waits, what failed and why. */
export const registerStatus: Register = (program, context) => {
  const command = program
    .command('status')
    .description('print what waits, what is delivered, and what failed and why')
    .option('--json', 'print an array with one object a pipeline')
    .addHelpText('after', '\nExample: log-courier status')
    .action((options: { json?: boolean }) =>
      withStore(command, context, async ({ pipelines }) => {
        const all = await Promise.all(pipelines.map((pipeline) => pipeline.status()));
        if (options.json === true) printJson(context.stdout, all);
        else for (const status of all) print(context.stdout, describe(status));
      }),
    );
  withSettings(command);
};

/** Names and notes may hold what engines said: control characters must not reach a terminal. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

function describe(status: PipelineStatus): string {
  const { pipeline, undeliveredRecords, oldestAgeSeconds, orders, failures, skippedRecords } = status;
  const waiting =
    oldestAgeSeconds === null
      ? `all records are delivered${orders.skipped > 0 ? ', but for those that were given up' : ''}`
      : `${formatCount(undeliveredRecords)} records undelivered, the oldest inserted ${formatDuration(oldestAgeSeconds)} ago`;
  const states = Object.entries(orders).map(([state, count]) => `${formatCount(count)} ${state}`);
  const lines = [`${pipeline}: ${waiting}`, `  orders: ${states.join(', ')}`];
  if (orders.skipped > 0)
    lines.push(
      `  given up: ${formatNumberOf(orders.skipped, 'order')}, ${formatNumberOf(skippedRecords, 'record')}`,
    );
  for (const { code, reason, sources, orderIds, orders: count, records } of failures) {
    lines.push(
      `  failed with ${code}: ${formatNumberOf(count, 'order')}, ${formatNumberOf(records, 'record')}`,
      `    from ${sources.join(', ')}`,
      `    ${count > orderIds.length ? 'among them ' : ''}${orderIds.join(', ')}`,
      `    ${reason}`,
    );
  }
  for (const { source, note } of status.notes ?? [])
    lines.push(`  ${oneLine(source)} waits: ${oneLine(note)}`);
  lines.push(...describeRetention(status.nearRetention));
  if (failures.length > 0) lines.push('  When the cause is mended: log-courier retry --all');
  return lines.join('\n');
}
