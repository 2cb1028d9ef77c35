import { CommanderError } from 'commander';
import { printJson, print } from '../../src/cli/context.js';
import { formatCount } from '../../src/cli/format.js';
import { optionsFrom, WrongFlagsError, type ChaosOptions } from './options.js';
import type { Progress } from './under-faults.js';
import { runChaos } from './run-chaos.js';
import { describeReport } from './verdict/describe.js';

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
    const options = optionsFrom(process.argv.slice(2));
    return await run(options);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof WrongFlagsError) {
      print(stderr, `chaos: ${error.message}`);
      return 2;
    }
    if (stopping.signal.aborted) print(stderr, 'chaos: stopped before anything was proven');
    else complain(error);
    return 1;
  }
}

/** Tells an error and its causes, the last one with its stack. */
function complain(error: unknown): void {
  if (!(error instanceof Error)) {
    print(stderr, `chaos: ${String(error)}`);
    return;
  }
  print(stderr, `chaos: ${error.cause === undefined ? (error.stack ?? error.message) : error.message}`);
  if (error.cause !== undefined) complain(error.cause);
}

async function run(options: ChaosOptions): Promise<number> {
  const report = await runChaos(options, { stop: stopping.signal, onProgress: showProgress });
  if (stderr.isTTY) stderr.write('\r\u001B[K');
  if (options.json) printJson(stdout, report);
  else print(stdout, describeReport(report));
  return report.passed ? 0 : 1;
}

function showProgress({ phase, faults, records }: Progress): void {
  if (!stderr.isTTY) return;
  stderr.write(`\r\u001B[K${phase}: ${formatCount(faults)} faults, ${formatCount(records)} records`);
}
