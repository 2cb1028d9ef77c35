import { Command } from 'commander';
import { z } from 'zod';
import { flagsOf } from '../../../scripts/program/program.js';

/** What a run is asked for. */
export type TablesOptions = z.infer<typeof optionsSchema>;

const number = (least: number, most: number) => z.coerce.number().min(least).max(most);

const optionsSchema = z.object({
  kills: number(1, 10_000).int(),
  replicas: number(1, 20).int(),
  seed: number(0, 0xffff_ffff).int(),
  writers: number(1, 100).int(),
  settleSeconds: number(10, 3600).int(),
  keep: z.boolean(),
  json: z.boolean(),
});

/**
 * Reads the command line.
 *
 * @param words the words behind `tables`
 * @throws {CommanderError} for --help and unknown flags, which commander has written about already
 * @throws {WrongFlagsError} for values that are not allowed
 */
export function tablesOptionsFrom(words: readonly string[]): TablesOptions {
  const command = new Command('npm run chaos -- tables')
    .description(
      'Archives a table into files, S3 and ClickHouse and cleans it up, while rows come in out of order and replicas ' +
        'are killed, then proves that every destination has every row once, and that none was deleted before.',
    )
    .option('--kills <n>', 'how often a replica is killed with SIGKILL', '50')
    .option('--replicas <n>', 'processes of log-courier', '3')
    .option('--seed <n>', 'the same seed makes the same list of moments', '1')
    .option('--writers <n>', 'transactions at the same time', '20')
    .option('--settle-seconds <n>', 'how long delivery may take to finish after the last kill', '180')
    .option('--keep', 'keep the logs and all data also when nothing is wrong', false)
    .option('--json', 'print the report as one line of JSON', false)
    .addHelpText('after', '\nExample: npm run chaos -- tables --kills 50 --seed 7')
    .exitOverride()
    .parse([...words], { from: 'user' });
  return flagsOf(optionsSchema, command.opts());
}
