import type { Failures, PipelineOverview } from '../api/shapes.js';
import type { Loaded } from './resource.js';

/**
 * Whether the list of failures is of the same reading as the figures and the headline. The two come to the page one
 * after the other, so that for a moment the one knows what the other does not.
 */
export function agrees(of: Pick<PipelineOverview, 'orders' | 'stuckSources'>, { groups }: Failures): boolean {
  const orders = groups.reduce((sum, group) => sum + group.orders, 0);
  return orders === of.orders.failed && groups.length > 0 === of.stuckSources > 0;
}

/**
 * The list of failures as it may stand below the headline: one that is of another reading is outdated, and one that
 * would deny what the headline says is not there yet.
 */
export function besideHeadline(
  of: Pick<PipelineOverview, 'orders' | 'stuckSources'>,
  failures: Loaded<Failures>,
): Loaded<Failures> {
  const { value } = failures;
  if (value === undefined || agrees(of, value)) return failures;
  const isDenial = value.groups.length > 0 !== of.orders.failed > 0;
  return { ...failures, isOutdated: true, ...(isDenial ? { value: undefined } : {}) };
}
