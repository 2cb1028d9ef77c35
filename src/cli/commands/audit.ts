import type { AuditReport, Pipeline } from '../../pipelines/pipeline.js';
import { enqueueGrown, type GrownFigures } from '../../processors/late-records.js';
import { print, printJson, type CliContext, type Register } from '../context.js';
import { formatCount, formatNumberOf } from '../format.js';
import { withSettings } from '../setting-flags.js';
import { withQueues, withStore } from '../with-store.js';

interface AuditOptions {
  readonly deep?: boolean;
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** `audit`: compares what ClickHouse has with what was delivered. */
export const registerAudit: Register = (program, context) => {
  const command = program
    .command('audit')
    .description(
      'compare ClickHouse with what was delivered; status 1 when something is missing or duplicated',
    )
    .option('--deep', 'read the objects and compare every request id')
    .option('--repair', 'put delivered orders that late records have joined back into the queue')
    .option('--json', 'print one JSON object a pipeline, a line each')
    .addHelpText('after', '\nExamples:\n  log-courier audit --deep --json\n  log-courier audit --repair')
    .action((options: AuditOptions) => {
      if (options.repair !== true) {
        return withStore(command, context, async ({ pipelines }) => {
          for (const pipeline of pipelines) await tellAudit(pipeline, options, context);
        });
      }
      return withQueues(command, context, async (store, { deliveries }) => {
        // Whatever its age: somebody who asks for it wants all repaired that still can be.
        const windowHours = store.settings['retention.record-hours'];
        for (const on of deliveries) {
          const repair = await enqueueGrown(store, on, windowHours, context.stop);
          await tellAudit(on.pipeline, options, context, repair);
        }
      });
    });
  withSettings(command);
};

async function tellAudit(
  pipeline: Pipeline,
  { deep, json }: AuditOptions,
  context: CliContext,
  repair?: GrownFigures,
): Promise<void> {
  const report = await pipeline.audit({ deep: deep === true, signal: context.stop });
  noteVerdict(report, context);
  if (json === true) {
    printJson(context.stdout, { ...report, ...(repair === undefined ? {} : { repair }) });
    return;
  }
  print(context.stdout, describeAudit(report));
  if (repair !== undefined) print(context.stdout, describeRepair(pipeline.name, repair));
}

/** What was repaired, in one sentence. */
export function describeRepair(pipeline: string, { orders, records, enqueued }: GrownFigures): string {
  if (orders === 0) return `${pipeline}: no late record has joined a delivered order.`;
  const joined = `${formatNumberOf(records, 'late record')} in ${formatNumberOf(orders, 'delivered order')}`;
  return `${pipeline}: ${joined}; ${formatNumberOf(enqueued, 'order')} put back into the queue.`;
}

/** Tells whether an audit found nothing wrong. */
export function isClean({ missing, duplicated }: AuditReport): boolean {
  return missing === 0 && duplicated === 0;
}

/** An audit in one sentence. */
export function describeAudit(report: AuditReport): string {
  const { pipeline, records, delivered, missing, duplicated, undelivered, outstanding, skipped, objects } =
    report;
  const verdict = isClean(report)
    ? 'nothing is missing and nothing is there twice'
    : `${formatCount(missing)} missing, ${formatCount(duplicated)} duplicated`;
  const open =
    outstanding + undelivered === 0
      ? ''
      : `, ${formatCount(outstanding)} more in orders that are not delivered and ${formatCount(undelivered)} not ordered yet`;
  const givenUp = skipped === 0 ? '' : `, ${formatCount(skipped)} in orders that were given up`;
  return `${pipeline}: of ${formatCount(records)} records ${formatCount(delivered)} are in ${formatCount(objects)} objects${open}${givenUp}; ${verdict}.`;
}

function noteVerdict(report: AuditReport, context: CliContext): void {
  if (!isClean(report)) context.exitCode = 1;
}
