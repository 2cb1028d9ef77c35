import { fileURLToPath } from 'node:url';
import { Argument, Command } from 'commander';
import { z } from 'zod';
import { flagsOf } from '../scripts/program/program.js';
import { BENCHMARKS } from './benchmark.js';

/** What a run is asked for. */
export type BenchOptions = z.infer<typeof optionsSchema>;

const RESULTS = fileURLToPath(new URL('results', import.meta.url));

const optionsSchema = z.object({
  names: z.array(z.enum(BENCHMARKS)),
  rounds: z.coerce.number().int().min(1).max(1000),
  scale: z.coerce.number().gt(0).max(100),
  results: z.string().min(1),
  json: z.boolean(),
});

/**
 * Reads the command line.
 *
 * @param words the words behind the program's name
 * @throws {CommanderError} for --help, unknown names and unknown flags, which commander has written about already
 * @throws {WrongFlagsError} for values that are not allowed
 */
export function optionsFrom(words: readonly string[]): BenchOptions {
  const command = new Command('npm run bench --')
    .description('Measures the speed and the cost of log-courier, in turns with what else could do its work.')
    .addArgument(
      new Argument('[names...]', 'what to measure; everything when none is named').choices(BENCHMARKS),
    )
    .option('--rounds <n>', 'how often each contender runs', '5')
    .option('--scale <factor>', 'factor of all amounts of data; figures count at 1 only', '1')
    .option('--results <dir>', 'where the results are written', RESULTS)
    .option('--json', 'print a line of JSON for each benchmark instead of tables', false)
    .addHelpText('after', '\nExample: npm run bench -- deliver courier-cpu --json')
    .exitOverride()
    .parse([...words], { from: 'user' });
  const asked: unknown = command.processedArgs.at(0);
  const options = flagsOf(optionsSchema, { ...command.opts(), names: asked });
  return { ...options, names: options.names.length === 0 ? [...BENCHMARKS] : options.names };
}
