import type { BigQueryDataset } from '../../../destinations/bigquery/dataset.js';
import { endOfJob } from '../../../destinations/bigquery/jobs.js';
import { loadAvro } from '../../../destinations/bigquery/load.js';
import { avroFile, BLOCK_BYTES, syncMarkerOf } from '../../../formats/avro/writer.js';
import type { DeliveredObject } from '../../pipeline.js';
import type { Asked, Copier, Found } from './copier.js';

/** Copies each order by one load job of BigQuery, whose id follows from the order: BigQuery takes an id once. */
export function createBigQueryCopier(dataset: BigQueryDataset): Copier {
  return {
    archiver: 'bigquery',
    engine: 'bigquery',
    place: dataset.place,
    title: 'BigQuery',
    target: { one: 'dataset', many: 'datasets' },
    object: { one: 'load job', many: 'load jobs' },
    check: (signal) => dataset.check(signal),
    copy: async ({ order, shape, rows, signal, tell }): Promise<readonly DeliveredObject[]> => {
      const jobId = `log-courier-${order.id}`;
      tell(`loads as job ${jobId}`);
      const content = avroFile({
        schema: shape.schema,
        codec: 'deflate',
        blockBytes: BLOCK_BYTES,
        rows: rows(),
        syncMarker: syncMarkerOf(order.id),
      });
      const loaded = await loadAvro(dataset, { table: order.table, jobId, content, signal });
      if (loaded.rows !== order.records) throw new LoadedRowsError(order.id, order.records, loaded.rows);
      const place = { bucket: dataset.place, prefix: '', key: `${order.table}/${loaded.jobId}` };
      return [{ ...place, records: loaded.rows, bytes: loaded.bytes, sha256: '' }];
    },
    find: (asked, signal) => findInBigQuery(dataset, asked, signal),
  };
}

/** BigQuery says that it has loaded another number of rows than the order has. */
class LoadedRowsError extends Error {
  override readonly name = 'LoadedRowsError';

  constructor(id: string, ordered: number, loaded: number) {
    super(
      `work order ${id}: it has ${String(ordered)} rows, but BigQuery says that its job has loaded ${String(loaded)}`,
    );
  }
}

async function findInBigQuery(
  dataset: BigQueryDataset,
  { entry, shape, selection }: Asked,
  signal: AbortSignal,
): Promise<Found> {
  const { after, upTo, table } = entry.order;
  if (selection.kind === 'all but') {
    const range = { table, key: shape.key, after: BigInt(after), upTo: BigInt(upTo) };
    const { rows } = await dataset.countRows(range, signal);
    return { records: Number(rows) - selection.delivered, checksum: undefined };
  }
  // Late rows lie among others; the job that loaded them says how many there were.
  const job = entry.objects[0]?.key.split('/').at(-1) ?? '';
  const end = await endOfJob(dataset, job, signal);
  return { records: end?.failure === undefined ? (end?.rows ?? 0) : 0, checksum: undefined };
}
