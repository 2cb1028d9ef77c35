import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import { EngineWatch } from '../../src/cli/engine-watch.js';
import { createMetrics } from '../../src/observability/metrics.js';

const REFUSED = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
const SILENT = new Error('no answer');

interface Watched {
  readonly watch: EngineWatch;
  /** What was logged, as level and message. */
  readonly lines: readonly string[];
  /** From now on the engine fails, or answers. */
  readonly answer: (error: Error | undefined) => void;
  readonly metric: (name: string) => Promise<number | undefined>;
}

const logLine = z.object({ level: z.number(), msg: z.string() });
const started: EngineWatch[] = [];

afterEach(() => {
  for (const watch of started.splice(0)) watch.stop();
});

/** A watch over an engine that does as it is told. */
function watched(first?: Error): Watched {
  let failure = first;
  const lines: string[] = [];
  const metrics = createMetrics();
  const log = pino(
    {},
    {
      write: (line: string) => {
        const { level, msg } = logLine.parse(JSON.parse(line));
        lines.push(`${pino.levels.labels[level] ?? ''} ${msg}`);
      },
    },
  );
  const check = {
    engine: 's3',
    check: () => (failure === undefined ? Promise.resolve() : Promise.reject(failure)),
  };
  const watch = new EngineWatch({ checks: [check], metrics, log, intervalMs: 1, intervalAwayMs: 1 });
  started.push(watch);
  return {
    watch,
    lines,
    answer: (error) => {
      failure = error;
    },
    metric: async (name) => {
      const { values } = (await metrics.registry.getSingleMetric(`log_courier_${name}`)?.get()) ?? {};
      return values?.[0]?.value;
    },
  };
}

async function asked(watch: EngineWatch, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await once(watch, 'asked');
}

const AWAY = 'warn the engine is away; what needs it waits';
const BACK = 'info the engine is back';

describe('a watch over an engine', () => {
  test('says nothing as long as it answers', async () => {
    const { watch, lines, metric } = watched();
    await asked(watch, 5);
    expect(lines).toEqual([]);
    expect(await metric('engine_up')).toBe(1);
    expect(await metric('engine_outages_total')).toBe(0);
    expect(watch.isLost('s3')).toBe(false);
  });

  test('says once that it is away and once that it is back, however long that takes and however often it happens', async () => {
    const { watch, lines, answer, metric } = watched();
    for (let outage = 1; outage <= 3; outage += 1) {
      answer(REFUSED);
      await once(watch, 'away');
      await asked(watch, 5);
      expect(watch.isLost('s3')).toBe(true);
      expect(await metric('engine_up')).toBe(0);
      expect(await metric('engine_away_seconds')).toBeGreaterThanOrEqual(0);
      answer(undefined);
      await once(watch, 'back');
      await asked(watch, 5);
      expect(watch.isLost('s3')).toBe(false);
      expect(await metric('engine_up')).toBe(1);
      expect(await metric('engine_away_seconds')).toBe(0);
      expect(await metric('engine_outages_total')).toBe(outage);
    }
    expect(lines).toEqual([AWAY, BACK, AWAY, BACK, AWAY, BACK]);
  });

  test('says nothing of a single slow answer', async () => {
    const { watch, lines, answer, metric } = watched();
    await asked(watch, 1);
    answer(SILENT);
    await asked(watch, 1);
    answer(undefined);
    await asked(watch, 3);
    expect(lines).toEqual([]);
    expect(await metric('engine_outages_total')).toBe(0);
  });

  test('knows of an engine that is away from the start', async () => {
    const { watch, lines } = watched(REFUSED);
    await watch.whenAway('s3');
    expect(lines).toEqual([AWAY]);
  });

  test('has no work wait for an engine that is silent but was not lost by the network', async () => {
    const { watch } = watched(SILENT);
    await watch.whenAway('s3');
    expect(watch.isLost('s3')).toBe(false);
  });

  test('asks anew when it is asked, and remembers an outage that is over', async () => {
    const { watch, answer } = watched();
    await asked(watch, 1);
    const began = performance.now();
    expect(await watch.wasAway('s3', began)).toBe(false);
    answer(REFUSED);
    expect(await watch.wasAway('s3', began)).toBe(true);
    answer(undefined);
    expect(await watch.wasAway('s3', began)).toBe(true);
    expect(await watch.wasAway('s3', performance.now())).toBe(false);
  });

  test('takes an engine that is not watched for one that answers', async () => {
    const { watch } = watched(REFUSED);
    expect(await watch.wasAway('redis', 0)).toBe(false);
    expect(watch.isLost('redis')).toBe(false);
  });

  test('says nothing more once it was stopped', async () => {
    const { watch, lines, answer } = watched();
    await asked(watch, 1);
    watch.stop();
    answer(REFUSED);
    await watch.wasAway('s3', 0);
    expect(lines).toEqual([]);
  });
});
