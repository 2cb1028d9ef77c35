import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import type { Pipeline } from '../pipeline.js';
import { KeyPattern } from './archive/key-pattern.js';
import { makeArchiveDirectory, openArchive } from './archive/open-archive.js';
import { Book } from './book/book.js';
import { examine } from './doctor.js';
import { TakenFiles } from './import/taken.js';
import { takeDropped } from './import/watch.js';
import { Inputs } from './inputs.js';
import type { ReportsOrder } from './order.js';
import { reportsPipeline } from './pipeline.js';

/** What the pipeline is made of. */
export interface ReportsGiven {
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** The pipeline's name: several collectors with one Redis have one each, since each has a spool of its own. */
export function reportsName(settings: Settings): string {
  const name = settings['reports.name'];
  return name === '' ? 'reports' : `reports-${name}`;
}

/** All that works on a spool: the pipeline, import and reading back. */
export function reportsParts(given: ReportsGiven) {
  const { settings, log } = given;
  const name = reportsName(settings);
  const spool = resolve(settings['reports.spool-directory']);
  const { store, engine, close } = openArchive(settings);
  return {
    ...given,
    name,
    spool,
    store,
    engine,
    inputs: new Inputs(spool),
    taken: new TakenFiles(join(spool, 'taken')),
    book: new Book({
      folder: join(spool, 'book'),
      writer: `${name}@${hostname()}:${String(process.pid)}`,
      retentionDays: settings['order-book.retention-days'],
      log,
    }),
    pattern: new KeyPattern(settings['reports.key-pattern'], settings['reports.name']),
    compress: {
      level: settings['reports.zstd-level'],
      longWindowLog: settings['reports.zstd-long-window-log'],
    },
    envelope: settings['reports.envelope'],
    directory: settings['reports.watch-directory'],
    quietSeconds: settings['reports.watch-quiet-seconds'],
    close,
  };
}

/** What {@link reportsParts} makes. */
export type AllReportsParts = ReturnType<typeof reportsParts>;

/** The reports pipeline: from a collector's spool, and from dropped files, into an archive. */
export function createReports(given: ReportsGiven): Pipeline<ReportsOrder> {
  const parts = reportsParts(given);
  const pipeline = reportsPipeline(parts);
  return {
    ...pipeline,
    discover: async (context) => {
      if (context.shard === 0) await takeDropped(parts, context.signal);
      return pipeline.discover(context);
    },
    prepare: async () => {
      const made = await makeArchiveDirectory(parts.settings, parts.spool);
      return { applied: made === undefined ? [] : [`the directory ${made}`] };
    },
    doctor: (context) => examine(parts, context),
    close: () => {
      parts.close();
      return Promise.resolve();
    },
  };
}
