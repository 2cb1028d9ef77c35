import { enqueueAgain } from '../../queues/delivery.js';
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
        for (const { pipeline, queue } of deliveries) {
          const orders = (await pipeline.failed(filter)).map(({ order }) => order);
          // The book first: whatever happens next, discovery enqueues what is open there.
          await pipeline.reopen(orders);
          await enqueueAgain(queue, pipeline, settings, orders);
          count += orders.length;
        }
        print(
          context.stdout,
          count === 0 ? 'no failed order matches' : `${formatNumberOf(count, 'order')} back in the queue`,
        );
      });
    });
  withSettings(command);
};
