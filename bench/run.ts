import type { BenchmarkResult } from './benchmark.js';
import { chosen } from './catalogue.js';
import { openLab } from './lab/lab.js';
import type { BenchOptions } from './options.js';
import { describeMachine, type Machine } from './report/machine.js';

/** Who is told what, and who can end it. */
export interface Listener {
  /** Aborted to end the run before its time; no process and no file is left. */
  readonly stop: AbortSignal;
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
      const running = benchmark.run({ lab, rounds, scale, say }, asked);
      for (const result of await Promise.race([running, whenStopped(listener.stop)]))
        await listener.onResult(result, machine);
    } finally {
      await lab.close();
    }
  }
}

/** Rejects when the signal is aborted. */
async function whenStopped(stop: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => {
      reject(new Error('stopped', { cause: stop.reason }));
    };
    if (stop.aborted) end();
    else stop.addEventListener('abort', end, { once: true });
  });
}
