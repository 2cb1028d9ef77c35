import { loadSettings } from '../../src/config/load.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { startCollector } from '../../src/pipelines/reports/collector/collector.js';

/** A collector in a process of its own, with the settings of its environment. It tells where it listens. */
process.on('disconnect', () => process.exit());
const { settings } = loadSettings({ flags: {}, environment: process.env });
const collector = await startCollector({ settings, metrics: createMetrics(), log: silentLog() });
process.on('message', () => {
  void collector.close().then(() => process.exit());
});
process.send?.({ url: collector.url });
