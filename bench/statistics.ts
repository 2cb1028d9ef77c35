/** What is told of a quantity that was measured several times. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Median absolute deviation from the median: how far a usual value is from it. */
  readonly mad: number;
  /** In the order in which they were measured. */
  readonly values: readonly number[];
}

/**
 * The quantile of some numbers, by linear interpolation between the two nearest.
 *
 * @param share 0 for the smallest, 0.5 for the median, 1 for the largest
 * @throws {RangeError} when there are no numbers
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) throw new RangeError('there is no quantile of no numbers');
  return below + (above - below) * (at - Math.floor(at));
}

/** The median. Throws as {@link quantile} does. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Median and spread. Throws as {@link quantile} does. */
export function summarize(values: readonly number[]): Summary {
  const middle = median(values);
  return {
    median: middle,
    min: quantile(values, 0),
    max: quantile(values, 1),
    mad: median(values.map((value) => Math.abs(value - middle))),
    values,
  };
}

/**
 * How one contender stands to another, round by round: what disturbed a whole round is in both.
 *
 * @throws {RangeError} when the rounds differ in number, or there are none
 */
export function ratioByRound(values: readonly number[], baseline: readonly number[]): Summary {
  if (values.length !== baseline.length)
    throw new RangeError(`${values.length} rounds of one and ${baseline.length} of the other`);
  return summarize(values.map((value, round) => value / (baseline[round] ?? Number.NaN)));
}
