import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { metricsOfOurs } from '../../src/observability/metrics-docs.js';
import { dashboardSchema, expressionsIn } from '../support/grafana.js';
import { wrongNamesIn } from '../support/promql.js';

const json = readFileSync('deploy/grafana/log-courier.json', 'utf8');
const dashboard = dashboardSchema.parse(JSON.parse(json));
const expressions = expressionsIn(json);

/** Shown elsewhere: nothing to look at from minute to minute. */
const NOT_SHOWN = [
  'log_courier_audit_duration_seconds',
  'log_courier_audit_orders_examined_total',
  'log_courier_audit_runs_total',
  'log_courier_build_duration_seconds',
  'log_courier_build_objects_total',
  'log_courier_commit_flushes_total',
  'log_courier_commit_offsets_flushed_total',
  'log_courier_cycle_duration_seconds',
  'log_courier_cycles_total',
  'log_courier_discovery_batches_found_total',
  'log_courier_discovery_records_passed_over_total',
  'log_courier_engine_outages_total',
  'log_courier_fetch_records_total',
  'log_courier_manifest_failures_total',
  'log_courier_manifests_written_total',
  'log_courier_orders_redelivered_total',
  'log_courier_records_expired_total',
  'log_courier_records_in_permanent_errors_total',
];

describe('the Grafana dashboard', () => {
  test.each(expressions)('$title: $expr asks for metrics and labels that there are', ({ expr }) => {
    expect(wrongNamesIn(expr)).toEqual([]);
    expect(expr).not.toContain('$');
  });

  test('shows every metric but those of which the list here says that it does not', () => {
    const text = expressions.map(({ expr }) => expr).join('\n');
    const missing = metricsOfOurs().filter(({ name }) => !new RegExp(`\\b${name}(_bucket)?\\b`).test(text));
    expect(missing.map(({ name }) => name).sort()).toEqual(NOT_SHOWN);
  });

  test('has panels with ids of their own that do not lie upon each other', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Set<string>();
    for (const {
      title,
      gridPos: { x, y, w, h },
    } of dashboard.panels) {
      expect(x + w).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1)
        for (let line = y; line < y + h; line += 1) {
          const cell = `${String(column)}/${String(line)}`;
          expect(taken.has(cell) ? `${title} at ${cell}` : '').toBe('');
          taken.add(cell);
        }
    }
  });
});
