import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadSettings } from '../../src/config/load.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';
import type { DeliveryContext, DiscoveryContext, Pipeline } from '../../src/pipelines/pipeline.js';
import { catReports, type FoundReport, type ReportFilter } from '../../src/pipelines/reports/archive/cat.js';
import { makeArchiveDirectory } from '../../src/pipelines/reports/archive/open-archive.js';
import { createReports, reportsParts, type AllReportsParts } from '../../src/pipelines/reports/create.js';
import type { ReportsOrder } from '../../src/pipelines/reports/order.js';
import { reportsPipeline } from '../../src/pipelines/reports/pipeline.js';

/** A signal that is never aborted. */
export const noSignal = new AbortController().signal;

/** A deployment of the reports pipeline in a directory of its own. */
export interface TestReports {
  readonly dir: string;
  readonly spool: string;
  readonly archive: string;
  /** A process of it, as it were: with a memory of its own, and with parts exchanged. */
  readonly process: (
    exchange?: (parts: AllReportsParts) => Partial<AllReportsParts>,
  ) => Pipeline<ReportsOrder>;
  readonly service: () => Pipeline<ReportsOrder>;
  readonly parts: () => AllReportsParts;
  readonly stop: () => Promise<void>;
}

/** Makes one. */
export async function testReports(flags: Readonly<Record<string, string>> = {}): Promise<TestReports> {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-reports-'));
  const [spool, archive] = [join(dir, 'spool'), join(dir, 'archive')];
  await mkdir(spool);
  const given = { 'reports.spool-directory': spool, 'reports.directory': archive, ...flags };
  const { settings } = loadSettings({ flags: given, environment: {} });
  await makeArchiveDirectory(settings, spool);
  const opened: { close: () => unknown }[] = [];
  const open = (): {
    settings: typeof settings;
    log: ReturnType<typeof silentLog>;
    metrics: ReturnType<typeof createMetrics>;
  } => ({
    settings,
    log: silentLog(),
    metrics: createMetrics(),
  });
  const parts = (): AllReportsParts => {
    const made = reportsParts(open());
    opened.push(made);
    return made;
  };
  return {
    ...{ dir, spool, archive, parts },
    process: (exchange = () => ({})) => {
      const made = parts();
      return reportsPipeline({ ...made, ...exchange(made) });
    },
    service: () => {
      const made = createReports(open());
      opened.push(made);
      return made;
    },
    stop: async () => {
      for (const each of opened) await each.close();
      await rm(dir, { recursive: true });
    },
  };
}

/** What a discovery is given. */
export function discovering(): DiscoveryContext<ReportsOrder> {
  return { shard: 0, shards: 1, signal: noSignal, leaseRemainingMs: () => 60_000 };
}

/** What a delivery is given. */
export function delivering(signal = noSignal): DeliveryContext {
  return { signal, report: () => undefined };
}

/** Discovers, and delivers all that is open, as the queue would. */
export async function deliverAll(pipeline: Pipeline<ReportsOrder>): Promise<number> {
  await pipeline.discover(discovering());
  let orders = 0;
  for (const order of await pipeline.outstanding({ shard: 0, shards: 1 })) {
    const receipt = await pipeline.deliver(order, delivering());
    if (receipt.already === undefined) await pipeline.commit(order, receipt);
    orders += 1;
  }
  return orders;
}

/** All files below a directory, by name, without those for other things. */
export async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

const run = promisify(execFile);

/** What Debian's zstd makes of a file, which it must find whole. */
export async function zstdcat(path: string): Promise<string> {
  await run('zstd', ['-q', '-t', path]);
  const { stdout } = await run('zstdcat', [path], { maxBuffer: 256 * 1024 * 1024 });
  return stdout;
}

/** Reads an archive back. */
export async function cat(
  parts: Pick<AllReportsParts, 'store' | 'pattern'>,
  filter: Partial<ReportFilter> = {},
): Promise<{ readonly found: readonly FoundReport[]; readonly problems: readonly string[] }> {
  const found: FoundReport[] = [];
  const problems: string[] = [];
  const reports = catReports({
    ...{ store: parts.store, pattern: parts.pattern },
    segmentSeconds: 60,
    filter: { conditions: [], ...filter },
    signal: noSignal,
    onProblem: (file, why) => problems.push(`${file}: ${why}`),
  });
  for await (const report of reports) found.push(report);
  return { found, problems };
}
