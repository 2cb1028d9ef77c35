import type { Benchmark, BenchmarkName } from './benchmark.js';
import { dashboard } from './benchmarks/dashboard.js';
import { deliver } from './benchmarks/deliver.js';
import { discovery } from './benchmarks/discovery.js';
import { fleet } from './benchmarks/fleet.js';
import { hot } from './benchmarks/hot.js';
import { lag } from './benchmarks/lag.js';
import { memory } from './benchmarks/memory.js';
import { replicas } from './benchmarks/replicas.js';
import { small } from './benchmarks/small.js';
import { tables } from './benchmarks/tables.js';

/** All benchmarks, in the order in which they run. */
const CATALOGUE: readonly Benchmark[] = [
  deliver,
  small,
  hot,
  discovery,
  memory,
  replicas,
  lag,
  fleet,
  dashboard,
  tables,
];

/** What is to be run for some names, and which of its names were asked for. */
export function chosen(
  names: readonly BenchmarkName[],
): readonly { readonly benchmark: Benchmark; readonly asked: readonly BenchmarkName[] }[] {
  return CATALOGUE.map((benchmark) => ({
    benchmark,
    asked: benchmark.names.filter((name) => names.includes(name)),
  })).filter(({ asked }) => asked.length > 0);
}
