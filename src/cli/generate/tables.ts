import { randomInt } from 'node:crypto';
import { Option, type Command } from 'commander';
import { tableNameOf } from '../../config/tables-settings.js';
import { generateScores } from '../../pipelines/tables/generate/generate.js';
import { Database } from '../../pipelines/tables/mysql/database.js';
import { durationSeconds, positiveNumber, wholeNumber } from '../arguments.js';
import { print, UsageError, type CliContext } from '../context.js';
import { formatCount } from '../format.js';
import { startProgress } from '../progress.js';
import { logOf, settingsOf, withSettings } from '../setting-flags.js';
import { waitFor } from '../wait-for.js';

interface GenerateFlags {
  readonly rows: number;
  readonly table?: string;
  readonly seed?: number;
  readonly span: number;
  readonly age: number;
}

const DAY_SECONDS = 86_400;

/** `generate tables`: inserts made-up measurements into a table of the form of log_scores. */
export function generateTables(command: Command, context: CliContext): void {
  command
    .description(
      'insert made-up measurements into a table of the form of log_scores, which is made when missing',
    )
    .requiredOption('--rows <number>', 'rows to make', positiveNumber)
    .option('--table <name>', 'the table; one of tables.names (default: the first of them)')
    .option(
      '--seed <number>',
      'the same seed makes the same values (default: another one each time)',
      wholeNumber,
    )
    .addOption(
      new Option('--span <duration>', 'time over which the rows came in, e.g. 90s, 15m, 1h, 3d')
        .argParser(durationSeconds)
        .default(30 * DAY_SECONDS, '30d'),
    )
    .addOption(
      new Option('--age <duration>', 'how long ago the last one came in')
        .argParser(durationSeconds)
        .default(0, '0s'),
    )
    .addHelpText('after', '\nExample: log-courier generate tables --rows 100000 --span 30d')
    .action(async (flags: GenerateFlags) => {
      const loaded = settingsOf(command, context);
      const { settings } = loaded;
      const names = settings['tables.names'].map((name) => tableNameOf(name).table);
      const table = flags.table ?? names[0] ?? '';
      if (!names.includes(table))
        throw new UsageError(`generate: --table: give one of tables.names: ${names.join(', ')}`);
      const database = new Database(settings);
      const progress = startProgress(context.stderr, flags.rows, 'rows');
      try {
        const check = (signal: AbortSignal): Promise<void> => database.ping(signal);
        await waitFor([{ engine: 'mysql', check }], logOf(loaded), context.stop);
        const { rows, firstAt, lastAt } = await generateScores(database, {
          ...{ table, rows: flags.rows, spanSeconds: flags.span, ageSeconds: flags.age },
          seed: flags.seed ?? randomInt(2 ** 31),
          signal: context.stop,
          onProgress: progress.update,
        });
        print(
          context.stdout,
          `${formatCount(rows)} rows in ${table}, of ${firstAt.toISOString()} to ${lastAt.toISOString()}`,
        );
      } finally {
        progress.stop();
        await database.close();
      }
    });
  withSettings(command);
}
