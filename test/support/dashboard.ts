import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { loadSettings } from '../../src/config/load.js';
import { variableOf } from '../../src/config/setting-names.js';
import { settingNames, type SettingName, type Settings } from '../../src/config/settings.js';
import { startDashboard, type Dashboard, type DashboardOptions } from '../../src/dashboard/server.js';
import { startRedis } from '../../src/embedded/redis.js';
import { createLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { connectRedis, redisOptions } from '../../src/queues/connection.js';

const logLine = z.record(z.string(), z.unknown());

/** A line of the log. */
export type LogLine = Readonly<z.infer<typeof logLine>>;

/** Settings as text, by their dotted names. */
export type Given = Partial<Record<SettingName, string>>;

/** What dashboards of a test share: a real Redis, a queue, a directory and a log that can be read. */
export interface DashboardGround {
  readonly dir: string;
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly queue: Queue;
  readonly lines: readonly LogLine[];
  /** Resolves with the first line, past or to come, that the condition holds for. */
  logged(condition: (line: LogLine) => boolean): Promise<LogLine>;
  settingsWith(changes: Given): Settings;
  /** Starts a dashboard on a free port, to be closed with the ground. */
  start(changes?: Given, parts?: Partial<DashboardOptions>): Promise<Dashboard>;
  close(): Promise<void>;
}

/** Prepares the ground. */
export async function prepareDashboards(): Promise<DashboardGround> {
  const dir = mkdtempSync(join(tmpdir(), 'dashboards-'));
  const server = await startRedis({ dir });
  const started: Dashboard[] = [];
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  const log = createLog('debug', {
    write: (text) => {
      const line = logLine.parse(JSON.parse(text));
      lines.push(line);
      for (const tell of waiting) tell(line);
    },
  });
  const settingsWith = (changes: Given): Settings => {
    const given: Given = { 'redis.url': server.url, 'dashboard.listen-port': '0', ...changes };
    const environment = Object.fromEntries(settingNames.map((name) => [variableOf(name), given[name]]));
    return loadSettings({ flags: {}, environment }).settings;
  };
  const settings = settingsWith({});
  const redis = connectRedis(settings);
  const queue = new Queue('delivery-things', {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
  return {
    dir,
    redis,
    redisUrl: server.url,
    queue,
    lines,
    logged: (condition) =>
      new Promise((resolve) => {
        const past = lines.find(condition);
        if (past !== undefined) {
          resolve(past);
          return;
        }
        const look = (line: LogLine): void => {
          if (!condition(line)) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
      }),
    settingsWith,
    start: async (changes = {}, parts = {}) => {
      const dashboard = await startDashboard({
        settings: settingsWith(changes),
        metrics: createMetrics(),
        log,
        checks: [],
        redis,
        queues: [{ queue, description: 'Delivers things.' }],
        ...parts,
      });
      started.push(dashboard);
      return dashboard;
    },
    close: async () => {
      await Promise.all(started.map((dashboard) => dashboard.close()));
      await queue.close();
      redis.disconnect();
      await server.stop();
      rmSync(dir, { recursive: true });
    },
  };
}
