import type { Figure, Headline } from '../benchmark.js';
import type { Delivery, Part } from '../lab/delivery-round.js';
import { ratioByRound, summarize } from '../statistics.js';

/** Records a second, round by round. */
export function rates(deliveries: readonly Delivery[]): readonly number[] {
  return deliveries.map(({ records, seconds }) => records / seconds);
}

/** CPU time that one part needed for a record, in µs, round by round. */
export function cpuPerRecord(deliveries: readonly Delivery[], part: Part): readonly number[] {
  return deliveries.map(({ records, cpu }) => (1e6 * (cpu.get(part) ?? 0)) / records);
}

/** A quantity that was measured in each round. */
export function figure(of: string, what: string, unit: string, values: readonly number[]): Figure {
  return { of, what, unit, summary: summarize(values) };
}

const PART_NAMES: Readonly<Record<Part, string>> = {
  contender: 'CPU of its own',
  clickhouse: 'CPU of ClickHouse',
  redis: 'CPU of Redis',
  sink: 'CPU of the sink',
};

/** Speed and cost of one contender. */
export function deliveryFigures(of: string, deliveries: readonly Delivery[]): readonly Figure[] {
  const cpu = (part: Part): Figure =>
    figure(of, PART_NAMES[part], 'µs/record', cpuPerRecord(deliveries, part));
  return [
    figure(of, 'rate', 'records/s', rates(deliveries)),
    cpu('contender'),
    cpu('clickhouse'),
    cpu('redis'),
    cpu('sink'),
  ];
}

/** How much of another quantity one is, and what it is to be. */
export function ratio(
  what: string,
  values: readonly number[],
  baseline: readonly number[],
  goal?: Headline['goal'],
): Headline {
  const { median, min, max } = ratioByRound(values, baseline);
  return { what, value: median, unit: '', range: [min, max], ...(goal === undefined ? {} : { goal }) };
}
