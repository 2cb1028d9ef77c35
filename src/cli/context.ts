import type { Command } from 'commander';

/** Where a command writes. */
export interface Output {
  readonly write: (text: string) => unknown;
  /** True when people look at it: progress bars and colours are for them alone. */
  readonly isTTY: boolean;
}

/** What a command knows of the world; tests give their own. */
export interface CliContext {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted when the process is told to stop. */
  readonly stop: AbortSignal;
  /** A command that ran well but has bad news sets this to 1. */
  exitCode: number;
}

/** Adds one command to the program. */
export type Register = (program: Command, context: CliContext) => void;

/** The command line was used wrongly; ends the program with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Writes a line. */
export function print(output: Output, line = ''): void {
  output.write(`${line}\n`);
}

/** Writes a value as one line of JSON. */
export function printJson(output: Output, value: unknown): void {
  print(output, JSON.stringify(value));
}
