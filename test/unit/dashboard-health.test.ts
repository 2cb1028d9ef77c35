import { describe, expect, test } from '@jest/globals';
import { readiness, type HealthCheck } from '../../src/dashboard/health.js';
import { createMetrics } from '../../src/observability/metrics.js';

const up: HealthCheck = { engine: 'redis', check: () => Promise.resolve() };
const down: HealthCheck = {
  engine: 'clickhouse',
  check: () => Promise.reject(new Error('refused hunter2')),
};
const silent: HealthCheck = { engine: 's3', check: () => new Promise(() => undefined) };
const broken: HealthCheck = {
  engine: 'broken',
  check: () => {
    throw new TypeError('at once');
  },
};

function ask(checks: readonly HealthCheck[], metrics = createMetrics()) {
  const hideSecrets = (message: string): string => message.replace('hunter2', '(hidden)');
  return readiness({ checks, timeoutMs: 20, metrics, hideSecrets });
}

describe('readiness', () => {
  test('is given when every engine answers, and when there is none to ask', async () => {
    expect(await ask([up])).toEqual({ ready: true, engines: [{ engine: 'redis', ok: true }] });
    expect(await ask([])).toEqual({ ready: true, engines: [] });
  });

  test('names each engine that is refused, silent or broken, and why', async () => {
    expect(await ask([up, down, silent, broken])).toEqual({
      ready: false,
      engines: [
        { engine: 'redis', ok: true },
        { engine: 'clickhouse', ok: false, error: 'refused (hidden)' },
        { engine: 's3', ok: false, error: 'no answer within 20 ms' },
        { engine: 'broken', ok: false, error: 'at once' },
      ],
    });
  });

  test('tells a silent engine’s check to give up', async () => {
    let given: AbortSignal | undefined;
    const check = (signal: AbortSignal): Promise<void> => {
      given = signal;
      return new Promise(() => undefined);
    };
    await ask([{ engine: 's3', check }]);
    expect(given?.aborted).toBe(true);
  });

  test('keeps a long error short', async () => {
    const check = (): Promise<void> => Promise.reject(new Error('x'.repeat(10_000)));
    const { engines } = await ask([{ engine: 's3', check }]);
    expect(engines[0]?.error).toHaveLength(300);
  });

  test('is noted in the metrics', async () => {
    const metrics = createMetrics();
    await ask([up, down], metrics);
    const text = await metrics.registry.getSingleMetricAsString('log_courier_engine_up');
    expect(text).toContain('log_courier_engine_up{engine="redis"} 1');
    expect(text).toContain('log_courier_engine_up{engine="clickhouse"} 0');
  });
});
