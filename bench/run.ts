import type { BenchmarkResult } from './benchmark.js';
import { chosen } from './catalogue.js';
import { openLab } from './lab/lab.js';
import type { BenchOptions } from './options.js';
import { describeMachine, type Machine } from './report/machine.js';

/** Who is told what. */
export interface Listener {
  /** Of what goes on, for people. */
  readonly say: (line: string) => void;
  readonly onMachine: (machine: Machine) => void;
  readonly onResult: (result: BenchmarkResult, machine: Machine) => Promise<void>;
}

/** Runs what was asked for, one after the other: each with engines of its own, so that none finds the data of another. */
export async function runBenchmarks(options: BenchOptions, listener: Listener): Promise<void> {
  const { rounds, scale, names } = options;
  let machine: Machine | undefined;
  for (const { benchmark, asked } of chosen(names)) {
    listener.say(`${asked.join(', ')}: starting the engines`);
    const lab = await openLab();
    try {
      if (machine === undefined) {
        machine = await describeMachine(lab);
        listener.onMachine(machine);
      }
      const say = (line: string): void => {
        listener.say(`${asked.join(', ')}: ${line}`);
      };
      for (const result of await benchmark.run({ lab, rounds, scale, say }, asked))
        await listener.onResult(result, machine);
    } finally {
      await lab.close();
    }
  }
}
