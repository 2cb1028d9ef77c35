import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { markdownTable } from '../../src/config/markdown-table.js';
import { LABELS, metricsOfOurs, metricsPage } from '../../src/observability/metrics-docs.js';
import { countFromZero, createMetrics } from '../../src/observability/metrics.js';

/** What existing dashboards read. */
const PROMISED = [
  'batches_processed_total',
  'records_delivered_total',
  'records_in_permanent_errors_total',
  'batch_processing_duration_seconds',
  'cycles_total',
  'cycle_duration_seconds',
  'lag_seconds',
  'discovery_batches_found_total',
  'discovery_duration_seconds',
  'fetch_records_total',
  'fetch_records_per_bucket',
  'fetch_duration_seconds',
  'build_objects_total',
  'build_object_size_bytes',
  'build_duration_seconds',
  'upload_objects_total',
  'upload_duration_seconds',
  'commit_offsets_flushed_total',
  'commit_flushes_total',
  'commit_duration_seconds',
].map((name) => `log_courier_${name}`);

const metrics = metricsOfOurs();

test('docs/metrics.md is what `npm run docs` writes', () => {
  expect(readFileSync('docs/metrics.md', 'utf8')).toBe(metricsPage(markdownTable));
});

describe('the metrics', () => {
  test('keep the names that existing dashboards read', () => {
    expect(metrics.map(({ name }) => name)).toEqual(expect.arrayContaining(PROMISED));
  });

  test.each(metrics)('$name says its unit and kind by its name, and what it is in a sentence', (metric) => {
    const { name, type, help } = metric;
    expect(help).toMatch(/^[A-Z].*[^:]\.$|^Always 1: /);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (/seconds|time since|how long/i.test(help)) expect(name).toMatch(/_seconds$/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|hours|kb|mb)(_|$)/);
  });

  test('have no labels but those whose values are known and few', () => {
    const used = new Set(metrics.flatMap(({ labels }) => labels));
    expect([...used].sort()).toEqual(Object.keys(LABELS).sort());
  });

  test('count from 0 what has not happened yet, so that its first time is an increase', async () => {
    const made = createMetrics();
    countFromZero(made, 'access-logs');
    const text = await made.registry.metrics();
    for (const status of ['success', 'failed_permanent', 'failed_transient'])
      expect(text).toContain(
        `log_courier_batches_processed_total{pipeline="access-logs",status="${status}"} 0\n`,
      );
    expect(text).toContain('log_courier_records_delivered_total{pipeline="access-logs"} 0\n');
  });
});
