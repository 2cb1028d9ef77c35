import Table from 'cli-table3';
import { isMet, type BenchmarkResult, type Figure, type Headline } from '../benchmark.js';
import type { Machine } from './machine.js';

const NO_STYLE = { head: [], border: [] };

/** One benchmark as people read it: what was done, the headlines, and the figures that they come from. */
export function describeResult(result: BenchmarkResult): string {
  const { benchmark, method, rounds, scale, data, settings, headlines, figures } = result;
  const facts = [
    `${count(rounds, 'round')}${scale === 1 ? '' : `, scale ${scale}: figures count at scale 1 only`}`,
    `data: ${pairs(data, formatNumber)}`,
    `settings: ${Object.keys(settings).length === 0 ? 'defaults' : pairs(settings, String)}`,
  ];
  return [
    `── ${benchmark} ──`,
    method,
    ...facts,
    ...headlines.map(describeHeadline),
    figureTable(figures),
  ].join('\n');
}

/** The machine in one line. */
export function describeMachineInWords(machine: Machine): string {
  const { cpu, cores, memoryGiB, system, node, clickhouse, redis, revision } = machine;
  return (
    `${cpu}, ${count(cores, 'core')}, ${memoryGiB} GiB, ${system}; Node.js ${node}, ClickHouse ${clickhouse}, ` +
    `Redis ${redis}; log-courier ${revision}`
  );
}

/** A number with as many digits as mean something. */
export function formatNumber(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return new Intl.NumberFormat('en-US', { maximumFractionDigits: digits }).format(value);
}

function describeHeadline(headline: Headline): string {
  const { what, value, unit, range, goal } = headline;
  const spread =
    range === undefined ? '' : ` (rounds: ${formatNumber(range[0])} to ${formatNumber(range[1])})`;
  return `→ ${what}: ${`${formatNumber(value)} ${unit}`.trim()}${spread}${goal === undefined ? '' : describeGoal(headline)}`;
}

function describeGoal(headline: Headline): string {
  const { goal } = headline;
  if (goal === undefined) return '';
  const bound =
    'atLeast' in goal ? `at least ${formatNumber(goal.atLeast)}` : `at most ${formatNumber(goal.atMost)}`;
  return `; ${bound} is wanted: ${isMet(headline) === true ? 'met' : 'NOT met'}`;
}

function figureTable(figures: readonly Figure[]): string {
  const table = new Table({
    head: ['of', 'what', 'unit', 'median', 'min', 'max', 'MAD'],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right'],
    style: NO_STYLE,
  });
  for (const { of, what, unit, summary } of figures) {
    const { median, min, max, mad } = summary;
    table.push([of, what, unit, ...[median, min, max, mad].map(formatNumber)]);
  }
  return table.toString();
}

function pairs<Value>(values: Readonly<Record<string, Value>>, format: (value: Value) => string): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${format(value)}`)
    .join(', ');
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
