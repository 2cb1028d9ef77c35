import type { History, HistoryPoint } from '../api/shapes.js';

/** Points that a chart shows at most: a day by the minute would be more lines than pixels. */
const MOST_POINTS = 120;

type Figure = Exclude<keyof HistoryPoint, 'at'>;

/**
 * The same history in fewer steps: counts are added, of lags and of what waited the largest counts. A step of which
 * nothing is known stays so.
 */
export function inFewerSteps(history: History): History {
  const { points, stepSeconds } = history;
  const together = Math.ceil(points.length / MOST_POINTS);
  if (together <= 1) return history;
  const steps: HistoryPoint[] = [];
  for (let end = points.length; end > 0; end -= together) {
    const step = points.slice(Math.max(0, end - together), end);
    const added = (figure: Figure): number | null => overKnown(step, figure, (a, b) => a + b);
    const largest = (figure: Figure): number | null => overKnown(step, figure, Math.max);
    steps.unshift({
      at: step[0]?.at ?? '',
      records: added('records'),
      objects: added('objects'),
      failures: added('failures'),
      lagP50Seconds: largest('lagP50Seconds'),
      lagP99Seconds: largest('lagP99Seconds'),
      backlogRecords: largest('backlogRecords'),
    });
  }
  return { ...history, stepSeconds: stepSeconds * together, points: steps };
}

function overKnown(
  points: readonly HistoryPoint[],
  figure: Figure,
  combine: (a: number, b: number) => number,
): number | null {
  const known = points.map((point) => point[figure]).filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((a, b) => combine(a, b));
}
