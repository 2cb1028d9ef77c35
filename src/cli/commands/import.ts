import { tablesOf } from '../../clickhouse/tables.js';
import { importLogFiles } from '../../pipelines/access-logs/import.js';
import { wholeNumber } from '../arguments.js';
import { print, UsageError, type Register } from '../context.js';
import { formatCount } from '../format.js';
import { withSettings } from '../setting-flags.js';
import { withStore } from '../with-store.js';

interface ImportFlags {
  readonly targetBucket?: string;
  readonly targetPrefix?: string;
  readonly raftSession: number;
}

const LARGEST_RAFT_SESSION = 65_535;

/** `import`: reads S3 server access logs back into ClickHouse. */
export const registerImport: Register = (program, context) => {
  const command = program
    .command('import')
    .description('insert the records of log files in AWS’s format, plain or gzip')
    .argument('<files...>', 'the files')
    .option('--target-bucket <name>', 'bucket to deliver the records to; without one they are only kept')
    .option('--target-prefix <prefix>', 'what the keys of the log objects begin with')
    .option('--raft-session <id>', 'raft session of the records', wholeNumber, 0)
    .addHelpText(
      'after',
      '\nExample: log-courier import --target-bucket photo-logs access.log access.log.1.gz',
    )
    .action(async (files: readonly string[], flags: ImportFlags) => {
      check(flags);
      await withStore(command, context, async ({ settings, clickhouse }) => {
        const { records, problems } = await importLogFiles(clickhouse, tablesOf(settings), files, {
          ...flags,
          signal: context.stop,
          onProblem: ({ file, line, message }) => {
            print(context.stderr, `${file}:${line}: ${message}`);
          },
        });
        print(
          context.stdout,
          `${formatCount(records)} records imported, ${formatCount(problems)} lines left out`,
        );
        if (problems > 0) context.exitCode = 1;
      });
    });
  withSettings(command);
};

function check({ targetBucket, targetPrefix, raftSession }: ImportFlags): void {
  if (targetPrefix !== undefined && targetBucket === undefined)
    throw new UsageError('import: --target-prefix is of no use without --target-bucket');
  if (raftSession > LARGEST_RAFT_SESSION)
    throw new UsageError(`import: --raft-session takes a number up to ${LARGEST_RAFT_SESSION}`);
}
