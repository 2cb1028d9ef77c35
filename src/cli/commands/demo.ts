import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument } from 'commander';
import { PIPELINE_KINDS, type PipelineKindName } from '../../config/pipeline-settings.js';
import { positiveNumber } from '../arguments.js';
import { UsageError, type Register } from '../context.js';
import { runDemo } from '../demo/run-demo.js';
import { formatCount } from '../format.js';
import { KINDS } from '../pipelines/registry.js';

/** Those that can be shown. */
const SHOWN: readonly PipelineKindName[] = PIPELINE_KINDS.filter((kind) => KINDS[kind].demo !== undefined);

/** `demo`: everything at once, on this machine, for people to look at. */
export const registerDemo: Register = (program, context) => {
  const rows = SHOWN.map((kind) => `${formatCount(KINDS[kind].demo?.defaultRows ?? 0)} for ${kind}`);
  program
    .command('demo')
    .description('start everything embedded, generate records, deliver them and audit the result')
    .addArgument(
      new Argument(
        '[pipeline]',
        SHOWN.map((kind) => `${kind}: ${KINDS[kind].demo?.shows ?? ''}`).join('; '),
      ).default('access-logs'),
    )
    .option('--rows <n>', `records to generate (default: ${rows.join(', ')})`, positiveNumber)
    .option('--exit', 'end after the audit: status 0, or 1 when something is missing or duplicated')
    .addHelpText('after', '\nExample: log-courier demo --exit')
    .action(async (name: string, options: { rows?: number; exit?: boolean }) => {
      const kind = SHOWN.find((one) => one === name);
      const demo = kind === undefined ? undefined : KINDS[kind].demo;
      if (kind === undefined || demo === undefined)
        throw new UsageError(`demo: ${JSON.stringify(name)} is not allowed; give one of ${SHOWN.join(', ')}`);
      const dir = await mkdtemp(join(tmpdir(), 'log-courier-demo-'));
      try {
        const wanted = { rows: options.rows ?? demo.defaultRows, exit: options.exit === true };
        await runDemo(context, { ...wanted, kind, demo, dir });
      } finally {
        await rm(dir, { recursive: true, force: true, maxRetries: 3 });
      }
    });
};
