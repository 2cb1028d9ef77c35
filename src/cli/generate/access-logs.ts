import { randomInt } from 'node:crypto';
import { Option, type Command } from 'commander';
import { tablesOf } from '../../clickhouse/tables.js';
import { createMissingBuckets } from '../../destinations/s3/buckets.js';
import { generateRecords, type GenerateResult } from '../../pipelines/access-logs/generate/generate.js';
import { planGeneration, type GenerateOptions } from '../../pipelines/access-logs/generate/plan.js';
import { durationSeconds, wholeNumber } from '../arguments.js';
import { print, UsageError, type CliContext } from '../context.js';
import { formatCount } from '../format.js';
import { startProgress } from '../progress.js';
import { withSettings } from '../setting-flags.js';
import { withStore } from '../with-store.js';

interface GenerateFlags {
  readonly rows: number;
  readonly buckets: number;
  readonly targets: number;
  readonly seed?: number;
  readonly span: number;
  readonly age: number;
  readonly createTargets: boolean;
}

/** `generate access-logs`: inserts made-up access-log records. */
export function generateAccessLogs(command: Command, context: CliContext): void {
  command
    .description('insert made-up access-log records, and create the buckets that they are to be delivered to')
    .requiredOption('--rows <number>', 'records to make', wholeNumber)
    .option('--buckets <number>', 'source buckets; a few have most of the records', wholeNumber, 50)
    .option('--targets <number>', 'target buckets that they share', wholeNumber, 5)
    .option(
      '--seed <number>',
      'the same seed makes the same records (default: another one each time)',
      wholeNumber,
    )
    .addOption(
      duration('--span', 'time over which the records came in, e.g. 90s, 15m, 1h, 3d').default(900, '15m'),
    )
    .addOption(duration('--age', 'how long ago the last one came in').default(0, '0s'))
    .option('--no-create-targets', 'do not create the target buckets')
    .addHelpText('after', '\nExample: log-courier generate --rows 100000 --buckets 50 --age 2m')
    .action(async (flags: GenerateFlags) => {
      const options = optionsOf(flags);
      const { targetBuckets } = checkedPlan(options);
      await withStore(command, context, async ({ settings, clickhouse, s3 }) => {
        if (flags.createTargets) await createMissingBuckets(s3, targetBuckets, context.stop);
        const progress = startProgress(context.stderr, flags.rows, 'records');
        try {
          const control = { signal: context.stop, onProgress: progress.update };
          const result = await generateRecords(clickhouse, tablesOf(settings), { ...options, ...control });
          print(context.stdout, summary(result, options.seed));
        } finally {
          progress.stop();
        }
      });
    });
  withSettings(command);
}

function duration(flag: string, help: string): Option {
  return new Option(`${flag} <duration>`, help).argParser(durationSeconds);
}

/** Without a seed each run makes new records, with request ids that no earlier run has used. */
function optionsOf(flags: GenerateFlags): GenerateOptions {
  return {
    rows: flags.rows,
    sourceBuckets: flags.buckets,
    targetBuckets: flags.targets,
    seed: flags.seed ?? randomInt(2 ** 32),
    spanSeconds: flags.span,
    ageSeconds: flags.age,
    now: new Date(),
  };
}

function checkedPlan(options: GenerateOptions): ReturnType<typeof planGeneration> {
  try {
    return planGeneration(options);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`generate: ${error.message}`, { cause: error });
    throw error;
  }
}

function summary(result: GenerateResult, seed: number): string {
  const { rows, sourceBuckets, targetBuckets, firstInsertedAt, lastInsertedAt } = result;
  return (
    `${formatCount(rows)} records of ${formatCount(sourceBuckets)} buckets, ` +
    `inserted ${firstInsertedAt.toISOString()} to ${lastInsertedAt.toISOString()}, ` +
    `to be delivered to ${targetBuckets.join(', ')} (seed ${seed})`
  );
}
