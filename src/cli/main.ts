import { CommanderError } from 'commander';
import { SettingsError } from '../config/load.js';
import { print, UsageError, type CliContext } from './context.js';
import { buildProgram } from './program.js';

/** Status of a program that ended well. */
const WELL = 0;
/** Status of a program that failed. */
const FAILED = 1;
/** Status of a program that was used wrongly, or has wrong settings. */
const WRONG_USAGE = 2;

/**
 * Runs one command line.
 *
 * @param words the words behind the program's name
 * @returns the exit status: 0 well, 1 failed, 2 wrong usage or settings
 */
export async function main(words: readonly string[], context: CliContext): Promise<number> {
  try {
    await buildProgram(context).parseAsync([...words], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    return explain(error, context);
  }
}

function explain(error: unknown, context: CliContext): number {
  // Commander has written its message already; help and version are no failures.
  if (error instanceof CommanderError) return error.exitCode === 0 ? WELL : WRONG_USAGE;
  if (error instanceof SettingsError) {
    for (const problem of error.problems) print(context.stderr, `log-courier: wrong setting: ${problem}`);
    return WRONG_USAGE;
  }
  const message = error instanceof Error ? error.message : String(error);
  print(context.stderr, `log-courier: ${message}`);
  return error instanceof UsageError ? WRONG_USAGE : FAILED;
}
