import type { S3Client } from '@aws-sdk/client-s3';
import type { PipelineViews } from '../../views.js';
import { failedGroups } from './failures.js';
import { figuresByMinute } from './figures.js';
import { logObjectHead } from './object-head.js';
import { SourceTable, type SourceTableParts } from './source-table.js';
import { timelineOf } from './timeline.js';
import { ACCESS_LOGS_WORDS } from './words.js';

/** What the dashboard shows of access logs. */
export function accessLogViews(given: SourceTableParts & { readonly s3: S3Client }): Required<PipelineViews> {
  const { settings, clickhouse, tables } = given;
  const sourceTable = new SourceTable(given);
  const parts = { ...given, sourceTable };
  return {
    words: ACCESS_LOGS_WORDS,
    sources: (signal) => sourceTable.look(signal),
    failures: (signal) =>
      failedGroups(clickhouse, tables, Math.round(settings['retention.record-hours'] * 3600), signal),
    timeline: (source, page, signal) => timelineOf(parts, source, page, signal),
    figures: (fromMs, toMs, signal) => figuresByMinute(clickhouse, tables, fromMs, toMs, signal),
    objectHead: (about, index, signal) => logObjectHead(parts, about, index, signal),
  };
}
