import { Command } from 'commander';
import { z } from 'zod';
import { flagsOf } from '../../scripts/program/program.js';

/** What a run is asked for. */
export type ChaosOptions = z.infer<typeof optionsSchema>;

const number = (least: number, most: number) => z.coerce.number().min(least).max(most);

const optionsSchema = z.object({
  minutes: number(0.1, 24 * 60),
  replicas: number(1, 20).int(),
  seed: number(0, 0xffff_ffff).int(),
  rate: number(10, 10_000).int(),
  settleSeconds: number(10, 3600).int(),
  conditionalWrites: z.enum(['on', 'off']),
  lateRecords: z.enum(['on', 'off']),
  keep: z.boolean(),
  json: z.boolean(),
});

/**
 * Reads the command line.
 *
 * @param words the words behind the program's name
 * @throws {CommanderError} for --help and unknown flags, which commander has written about already
 * @throws {WrongFlagsError} for values that are not allowed
 */
export function optionsFrom(words: readonly string[]): ChaosOptions {
  const command = new Command('npm run chaos --')
    .description(
      'Runs log-courier with several replicas while engines and replicas are killed, frozen and restarted and the ' +
        'network lies, then proves that every record was delivered exactly once.',
    )
    .option('--minutes <n>', 'how long faults are injected', '2')
    .option('--replicas <n>', 'processes of log-courier', '3')
    .option('--seed <n>', 'the same seed makes the same list of faults', '1')
    .option('--rate <n>', 'records a second', '300')
    .option('--settle-seconds <n>', 'how long delivery may take to finish after the last fault', '180')
    .option('--conditional-writes <on|off>', 'whether the S3 server honours If-Match and If-None-Match', 'on')
    .option('--late-records <on|off>', 'whether records come in late, into ranges that are delivered', 'on')
    .option('--keep', 'keep the logs and all data also when nothing is wrong', false)
    .option('--json', 'print the report as one line of JSON', false)
    .addHelpText('after', '\nExample: npm run chaos -- --minutes 2 --replicas 3 --seed 7')
    .exitOverride()
    .parse([...words], { from: 'user' });
  return flagsOf(optionsSchema, command.opts());
}
