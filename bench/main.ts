import { CommanderError } from 'commander';
import { print, printJson } from '../src/cli/context.js';
import { optionsFrom, WrongFlagsError, type BenchOptions } from './options.js';
import { recordOf, saveRecord } from './report/result-files.js';
import { describeMachineInWords, describeResult } from './report/tables.js';
import { runBenchmarks } from './run.js';

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    stopping.abort(new Error(`told to stop by ${signal}`));
  });
}

const { stdout, stderr } = process;
// For the AWS SDK, which otherwise warns on Node.js 20 of what comes in 2027.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
process.exit(await main());

async function main(): Promise<number> {
  try {
    await run(optionsFrom(process.argv.slice(2)));
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof WrongFlagsError) {
      print(stderr, `bench: ${error.message}`);
      return 2;
    }
    if (stopping.signal.aborted) print(stderr, 'bench: stopped');
    else complain(error);
    return 1;
  }
}

async function run(options: BenchOptions): Promise<void> {
  const say = (line: string): void => {
    print(stderr, `${new Date().toISOString().slice(11, 19)} ${line}`);
  };
  await runBenchmarks(options, {
    stop: stopping.signal,
    say,
    onMachine: (machine) => {
      if (!options.json) print(stdout, describeMachineInWords(machine));
    },
    onResult: async (result, machine) => {
      const at = new Date();
      const record = recordOf(result, machine, at);
      say(`written to ${await saveRecord(options.results, result, record, at)}`);
      if (options.json) printJson(stdout, record);
      else print(stdout, `\n${describeResult(result)}`);
    },
  });
}

/** Tells an error and its causes, the last one with its stack. */
function complain(error: unknown): void {
  if (!(error instanceof Error)) {
    print(stderr, `bench: ${String(error)}`);
    return;
  }
  print(stderr, `bench: ${error.cause === undefined ? (error.stack ?? error.message) : error.message}`);
  if (error.cause !== undefined) complain(error.cause);
}
