import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { loadSettings } from '../../src/config/load.js';
import { variableOf } from '../../src/config/setting-names.js';
import { settingNames, type SettingName, type Settings } from '../../src/config/settings.js';
import { startDashboard, type Dashboard, type DashboardOptions } from '../../src/dashboard/server.js';
import { startRedis } from '../../src/embedded/redis.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { openDiscoveryQueue } from '../../src/queues/discovery.js';
import { connectRedis, redisOptions } from '../../src/queues/connection.js';
import { readableLog, type LogLine } from './readable-log.js';

/** Settings as text, by their dotted names. */
export type Given = Partial<Record<SettingName, string>>;

/** What dashboards of a test share: a real Redis, a queue, a directory and a log that can be read. */
export interface DashboardGround {
  readonly dir: string;
  readonly redis: Redis;
  readonly queue: Queue;
  readonly lines: readonly LogLine[];
  /** Resolves with the first line, past or to come, that the condition holds for. */
  logged(condition: (line: LogLine) => boolean): Promise<LogLine>;
  /** Starts a dashboard on a free port, to be closed with the ground. */
  start(changes?: Given, parts?: Partial<DashboardOptions>): Promise<Dashboard>;
  close(): Promise<void>;
}

/** Prepares the ground. */
export async function prepareDashboards(): Promise<DashboardGround> {
  const dir = mkdtempSync(join(tmpdir(), 'dashboards-'));
  const server = await startRedis({ dir });
  const started: Dashboard[] = [];
  const { log, lines, logged } = readableLog();
  const settingsWith = (changes: Given): Settings => {
    const given: Given = { 'redis.url': server.url, 'dashboard.listen-port': '0', ...changes };
    const environment = Object.fromEntries(settingNames.map((name) => [variableOf(name), given[name]]));
    return loadSettings({ flags: {}, environment }).settings;
  };
  const settings = settingsWith({});
  const redis = connectRedis(settings);
  const discovery = openDiscoveryQueue(settings);
  const queue = new Queue('delivery-things', {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
  return {
    dir,
    redis,
    queue,
    lines,
    logged,
    start: async (changes = {}, parts = {}) => {
      const dashboard = await startDashboard({
        settings: settingsWith(changes),
        metrics: createMetrics(),
        log,
        checks: [],
        redis,
        queues: [{ queue, description: 'Delivers things.' }],
        work: { version: '1.2.3', discovery, deliveries: [] },
        ...parts,
      });
      started.push(dashboard);
      return dashboard;
    },
    close: async () => {
      await Promise.all(started.map((dashboard) => dashboard.close()));
      await Promise.all([queue.close(), discovery.close()]);
      redis.disconnect();
      await server.stop();
      rmSync(dir, { recursive: true });
    },
  };
}
