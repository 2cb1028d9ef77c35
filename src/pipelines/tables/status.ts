import { z } from 'zod';
import type { PipelineStatus } from '../pipeline.js';
import { ORDERS } from './mysql/schema.js';
import { pipelineOf } from './order.js';
import type { ArchiverParts } from './parts.js';
import { nothingExpires } from './retention.js';
import { failureGroups } from './views/failures.js';
import { standingOf } from './views/standing.js';

/** The state of an archiver in figures. */
export async function statusOf(parts: ArchiverParts): Promise<PipelineStatus> {
  const { archiver, book, database, tables } = parts;
  const standings = [];
  for (const { table } of tables) standings.push(await standingOf(parts, table));
  const at = await book.now();
  const oldest = standings.flatMap(({ oldestAt }) => (oldestAt === null ? [] : [oldestAt])).sort()[0];
  const [skipped] = await database.query(
    z.object({ records: z.coerce.number() }),
    'count what was given up',
    `SELECT COALESCE(SUM(skipped_records), 0) AS records FROM ${ORDERS} WHERE archiver = ? AND state = 'skipped'`,
    [archiver],
  );
  return {
    pipeline: pipelineOf(archiver),
    undeliveredRecords: standings.reduce((sum, { waitingRecords }) => sum + waitingRecords, 0),
    oldestAgeSeconds:
      oldest === undefined ? null : Math.max(0, Math.floor((Date.parse(at) - Date.parse(oldest)) / 1000)),
    orders: await book.counts(),
    failures: await failureGroups(database, archiver),
    skippedRecords: skipped?.records ?? 0,
    nearRetention: nothingExpires(at),
    notes: [...(await parts.notes.all())].map(([source, note]) => ({ source, note })),
  };
}
