import { CommanderError } from 'commander';
import type { z } from 'zod';
import { print } from '../../src/cli/context.js';

/** Flags that are wrong; the message has a line for each. */
export class WrongFlagsError extends Error {
  override readonly name = 'WrongFlagsError';
}

/**
 * Checks the values of flags.
 *
 * @param given by name in camel case, as commander has them
 * @throws {WrongFlagsError}
 */
export function flagsOf<Flags>(schema: z.ZodType<Flags>, given: unknown): Flags {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new WrongFlagsError(
    parsed.error.issues.map(({ path, message }) => `${flagOf(path.join('.'))}: ${message}`).join('\n'),
  );
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A program for developers. */
export interface Program {
  /** What its complaints begin with. */
  readonly name: string;
  /** What to say when it was stopped before its end. */
  readonly stopped: string;
  /** Does the work and returns the exit code; the signal is aborted by SIGTERM and SIGINT. */
  readonly run: (words: readonly string[], stop: AbortSignal) => Promise<number>;
}

/** Runs a program and ends the process: 0 well, 1 failed, 2 wrong usage. */
export async function runProgram({ name, stopped, run }: Program): Promise<never> {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stopping.abort(new Error(`told to stop by ${signal}`));
    });
  }
  // For the AWS SDK, which otherwise warns on Node.js 20 of what comes in 2027.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  try {
    process.exit(await run(process.argv.slice(2), stopping.signal));
  } catch (error) {
    // Commander has written about its errors already.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    if (error instanceof WrongFlagsError) {
      print(process.stderr, `${name}: ${error.message}`);
      process.exit(2);
    }
    if (stopping.signal.aborted) print(process.stderr, `${name}: ${stopped}`);
    else complain(name, error);
    process.exit(1);
  }
}

/** Tells an error and its causes, the last one with its stack. */
function complain(name: string, error: unknown): void {
  if (!(error instanceof Error)) {
    print(process.stderr, `${name}: ${String(error)}`);
    return;
  }
  const isLast = error.cause === undefined;
  print(process.stderr, `${name}: ${isLast ? (error.stack ?? error.message) : error.message}`);
  if (!isLast) complain(name, error.cause);
}
