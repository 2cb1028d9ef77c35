import { runProgram } from '../../scripts/program/program.js';
import { printJson, print } from '../../src/cli/context.js';
import { formatCount } from '../../src/cli/format.js';
import { optionsFrom } from './options.js';
import { runChaos } from './run-chaos.js';
import { tablesOptionsFrom } from './tables/options.js';
import { describeTablesReport } from './tables/report.js';
import { runTables } from './tables/run-tables.js';
import type { Progress } from './under-faults.js';
import { describeReport } from './verdict/describe.js';

const { stdout, stderr } = process;

await runProgram({
  name: 'chaos',
  stopped: 'stopped before anything was proven',
  run: async (words, stop) => {
    const [kind, ...rest] = words;
    if (kind === 'tables') return tables(rest, stop);
    const options = optionsFrom(words);
    const report = await runChaos(options, { stop, onProgress: showProgress });
    if (stderr.isTTY) stderr.write('\r\u001B[K');
    if (options.json) printJson(stdout, report);
    else print(stdout, describeReport(report));
    return report.passed ? 0 : 1;
  },
});

/** `npm run chaos -- tables`: the archive of tables. */
async function tables(words: readonly string[], stop: AbortSignal): Promise<number> {
  const options = tablesOptionsFrom(words);
  const report = await runTables(options, {
    stop,
    onProgress: (phase, kills, rows) => {
      if (stderr.isTTY)
        stderr.write(`\r\u001B[K${phase}: ${formatCount(kills)} kills, ${formatCount(rows)} rows`);
    },
  });
  if (stderr.isTTY) stderr.write('\r\u001B[K');
  if (options.json) printJson(stdout, report);
  else print(stdout, describeTablesReport(report));
  return report.passed ? 0 : 1;
}

function showProgress({ phase, faults, records }: Progress): void {
  if (!stderr.isTTY) return;
  stderr.write(`\r\u001B[K${phase}: ${formatCount(faults)} faults, ${formatCount(records)} records`);
}
