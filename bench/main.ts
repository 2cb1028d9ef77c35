import { runProgram } from '../scripts/program/program.js';
import { print, printJson } from '../src/cli/context.js';
import { optionsFrom } from './options.js';
import { recordOf, saveRecord } from './report/result-files.js';
import { describeMachineInWords, describeResult } from './report/tables.js';
import { runBenchmarks } from './run.js';

const { stdout, stderr } = process;

await runProgram({
  name: 'bench',
  stopped: 'stopped',
  run: async (words, stop) => {
    const options = optionsFrom(words);
    await runBenchmarks(options, {
      stop,
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
    return 0;
  },
});

function say(line: string): void {
  print(stderr, `${new Date().toISOString().slice(11, 19)} ${line}`);
}
