import type { Lab } from './lab/lab.js';
import type { Summary } from './statistics.js';

/** What can be asked for, in the order in which everything is run. */
export const BENCHMARKS = [
  'deliver',
  'courier-cpu',
  'small',
  'hot',
  'discovery',
  'memory',
  'replicas',
  'lag',
  'fleet',
  'dashboard',
  'tables',
] as const;

/** See {@link BENCHMARKS}. */
export type BenchmarkName = (typeof BENCHMARKS)[number];

/** One quantity that was measured, once a round. */
export interface Figure {
  /** The contender, or the case: `log-courier`, `10 million rows`. */
  readonly of: string;
  /** What was measured: `rate`, `CPU of ClickHouse`. */
  readonly what: string;
  readonly unit: string;
  readonly summary: Summary;
}

/** What one quantity is in proportion to another, or a bound that one is held to. */
export interface Headline {
  /** In words: `log-courier to direct`. */
  readonly what: string;
  readonly value: number;
  /** Empty for ratios. */
  readonly unit: string;
  /** The smallest and the largest of the rounds, where there are several. */
  readonly range?: readonly [least: number, most: number];
  /** What it is to be. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
}

/** The outcome of one benchmark. */
export interface BenchmarkResult {
  readonly benchmark: BenchmarkName;
  /** What was done, and what the clock covers. */
  readonly method: string;
  readonly rounds: number;
  readonly scale: number;
  /** The settings of log-courier that were not at their defaults, besides addresses. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The data, in numbers: `records`, `buckets`, `bytes a line`. */
  readonly data: Readonly<Record<string, number>>;
  readonly headlines: readonly Headline[];
  readonly figures: readonly Figure[];
}

/** What a benchmark is given. */
export interface BenchmarkContext {
  readonly lab: Lab;
  /** At least 1. */
  readonly rounds: number;
  /** Factor of all amounts of data. */
  readonly scale: number;
  /** Tells people what goes on. */
  readonly say: (line: string) => void;
}

/** Runs for one name or several that are measured together, and answers those that were asked for. */
export interface Benchmark {
  readonly names: readonly BenchmarkName[];
  readonly run: (
    context: BenchmarkContext,
    asked: readonly BenchmarkName[],
  ) => Promise<readonly BenchmarkResult[]>;
}

/** An amount of data at a scale, never less than `least`. */
export function scaled(amount: number, scale: number, least = 1): number {
  return Math.max(least, Math.round(amount * scale));
}

/** Whether a headline is what it is to be; undefined when nothing is demanded. */
export function isMet({ value, goal }: Headline): boolean | undefined {
  if (goal === undefined) return undefined;
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}
