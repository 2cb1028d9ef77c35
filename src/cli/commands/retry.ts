import { retryFailed } from '../../queues/put-back.js';
import type { Queues } from '../assembly.js';
import { print, UsageError, type Register } from '../context.js';
import { formatNumberOf } from '../format.js';
import { withSettings } from '../setting-flags.js';
import { withQueues } from '../with-store.js';

interface RetryOptions {
  readonly all?: boolean;
  readonly bucket?: string;
  readonly order?: string;
}

/** `retry`: puts failed orders back. */
export const registerRetry: Register = (program, context) => {
  const command = program
    .command('retry')
    .description('put failed orders back into the queue')
    .option('--all', 'every failed order')
    .option('--bucket <name>', 'those of one source bucket')
    .option('--order <id>', 'a single one')
    .addHelpText('after', '\nExample: log-courier retry --bucket photos')
    .action((options: RetryOptions) => {
      const chosen = [options.all === true, options.bucket !== undefined, options.order !== undefined];
      if (chosen.filter(Boolean).length !== 1)
        throw new UsageError('retry: give one of --all, --bucket or --order');
      return withQueues(command, context, async ({ settings }, { deliveries }) => {
        const filter = { source: options.bucket, order: options.order };
        let count = 0;
        for (const on of deliveries) {
          count += (await retryFailed(on, settings, filter)).orders;
        }
        print(
          context.stdout,
          count === 0
            ? await whyNone(deliveries, options.order)
            : `${formatNumberOf(count, 'order')} back in the queue`,
        );
      });
    });
  withSettings(command);
};

/** Why nothing was put back; of an order that was given up, by whom. */
async function whyNone(deliveries: Queues['deliveries'], order: string | undefined): Promise<string> {
  if (order === undefined) return 'no failed order matches';
  for (const { pipeline } of deliveries) {
    const { state, skip } = (await pipeline.find(order)) ?? {};
    if (skip !== undefined)
      return `work order ${order} was given up by ${skip.by} at ${skip.at}: ${skip.reason}; it is not tried again`;
    if (state !== undefined) return `no failed order matches: work order ${order} is ${state}`;
  }
  return 'no failed order matches';
}
