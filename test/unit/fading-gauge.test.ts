import { describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { FadingGauge } from '../../src/observability/fading-gauge.js';

/** A gauge, a clock to be set, and what a scrape at that time answers. */
function gauge(countsDown = false) {
  const registry = new Registry();
  const time = { ms: 0 };
  const made = new FadingGauge({
    ...{ name: 'left', help: 'Left.', registers: [registry], countsDown },
    clock: () => time.ms,
  });
  const scraped = async (): Promise<unknown> => {
    const [metric] = await registry.getMetricsAsJSON();
    return metric?.values.map(({ value, labels }) => [labels['pipeline'], value]);
  };
  return { made, time, scraped };
}

describe('a gauge that fades', () => {
  test('has no value before the first, and none when nobody has renewed it in time', async () => {
    const { made, time, scraped } = gauge();
    expect(await scraped()).toEqual([]);
    made.set('logs', 5, 1000);
    time.ms = 1000;
    expect(await scraped()).toEqual([['logs', 5]]);
    time.ms = 1001;
    expect(await scraped()).toEqual([]);
    made.set('logs', 0, 1000);
    expect(await scraped()).toEqual([['logs', 0]]);
  });

  test('runs down by itself when its value is a time that is left', async () => {
    const { made, time, scraped } = gauge(true);
    made.set('logs', 90, 600_000);
    made.set('reports', 10, 600_000);
    time.ms = 30_000;
    expect(await scraped()).toEqual([
      ['logs', 60],
      ['reports', -20],
    ]);
  });

  test('has no value when there is none any more', async () => {
    const { made, scraped } = gauge();
    made.set('logs', 5, 1000);
    made.set('logs', undefined, 1000);
    expect(await scraped()).toEqual([]);
  });
});
