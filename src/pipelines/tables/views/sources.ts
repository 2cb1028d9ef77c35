import type { SourcesReport, SourceFigures } from '../../views.js';
import type { ArchiverParts } from '../parts.js';
import { standingOf } from './standing.js';

/** Where all tables stand. */
export async function sourcesOf(parts: ArchiverParts, place: string): Promise<SourcesReport> {
  const { book, tables } = parts;
  const sources: SourceFigures[] = [];
  const notes = await parts.notes.all();
  for (const { table } of tables) {
    const { waitingRecords, oldestAt, lastDeliveredAt } = await standingOf(parts, table);
    sources.push({
      source: table,
      waitingRecords,
      oldestAt,
      lastDeliveredAt,
      targets: [place],
      note: notes.get(table),
    });
  }
  return { at: await book.now(), sources, orders: await book.counts() };
}
