import Table from 'cli-table3';
import type { WorkOrder } from '../../pipelines/pipeline.js';
import { print, printJson, type Register } from '../context.js';
import { formatCount } from '../format.js';
import { withSettings } from '../setting-flags.js';
import { withStore } from '../with-store.js';

/** `discover`: what would be ordered now, without ordering it. */
export const registerDiscover: Register = (program, context) => {
  const command = program
    .command('discover')
    .description('print what would be ordered now, without ordering it')
    .option('--json', 'print an array of orders, oldest first')
    .addHelpText('after', '\nExample: log-courier discover --consumer-count-threshold 1')
    .action((options: { json?: boolean }) =>
      withStore(command, context, async ({ pipelines }) => {
        const previews = await Promise.all(pipelines.map((pipeline) => pipeline.preview(context.stop)));
        const orders = previews.flat();
        if (options.json === true) printJson(context.stdout, orders);
        else print(context.stdout, orders.length === 0 ? 'nothing is ready' : table(orders));
      }),
    );
  withSettings(command);
};

function table(orders: readonly WorkOrder[]): string {
  const out = new Table({
    head: ['source', 'records', 'oldest record'],
    colAligns: ['left', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const { source, records, oldestAt } of orders) out.push([source, formatCount(records), oldestAt]);
  return out.toString();
}
