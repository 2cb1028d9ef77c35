import type { AuditReport } from '../../pipelines/pipeline.js';
import { print, printJson, type CliContext, type Register } from '../context.js';
import { formatCount } from '../format.js';
import { withSettings } from '../setting-flags.js';
import { withStore } from '../with-store.js';

/** `audit`: compares what ClickHouse has with what was delivered. */
export const registerAudit: Register = (program, context) => {
  const command = program
    .command('audit')
    .description(
      'compare ClickHouse with what was delivered; status 1 when something is missing or duplicated',
    )
    .option('--deep', 'read the objects and compare every request id')
    .option('--json', 'print one JSON object a pipeline, a line each')
    .addHelpText('after', '\nExample: log-courier audit --deep --json')
    .action((options: { deep?: boolean; json?: boolean }) =>
      withStore(command, context, async ({ pipelines }) => {
        for (const pipeline of pipelines) {
          const report = await pipeline.audit({ deep: options.deep === true, signal: context.stop });
          if (options.json === true) printJson(context.stdout, report);
          else print(context.stdout, describeAudit(report));
          noteVerdict(report, context);
        }
      }),
    );
  withSettings(command);
};

/** Tells whether an audit found nothing wrong. */
export function isClean({ missing, duplicated }: AuditReport): boolean {
  return missing === 0 && duplicated === 0;
}

/** An audit in one sentence. */
export function describeAudit(report: AuditReport): string {
  const { pipeline, records, delivered, missing, duplicated, undelivered, outstanding, objects } = report;
  const verdict = isClean(report)
    ? 'nothing is missing and nothing is there twice'
    : `${formatCount(missing)} missing, ${formatCount(duplicated)} duplicated`;
  const open =
    outstanding + undelivered === 0
      ? ''
      : `, ${formatCount(outstanding)} more in orders that are not delivered and ${formatCount(undelivered)} not ordered yet`;
  return `${pipeline}: of ${formatCount(records)} records ${formatCount(delivered)} are in ${formatCount(objects)} objects${open}; ${verdict}.`;
}

function noteVerdict(report: AuditReport, context: CliContext): void {
  if (!isClean(report)) context.exitCode = 1;
}
