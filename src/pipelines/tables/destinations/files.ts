import type { FileStore } from '../../../destinations/file-store.js';
import { NoSuchFileError } from '../../../destinations/file-store.js';
import type { Codec } from '../../../formats/avro/codec.js';
import { readAvro } from '../../../formats/avro/reader.js';
import { avroFile, BLOCK_BYTES, syncMarkerOf } from '../../../formats/avro/writer.js';
import type { DeliveredObject } from '../../pipeline.js';
import type { Noun } from '../../words.js';
import type { BookEntry } from '../book-row.js';
import { ChecksumOf } from '../checksum.js';
import { keyOf } from '../rows.js';
import type { TableShape } from '../shape/shape.js';
import type { Copier, Copy, Found } from './copier.js';
import { fileNameOf } from './file-name.js';

/** What tells one kind of store from another. */
export interface FilesCopierOptions {
  readonly archiver: 'fileavro' | 'gcsavro' | 's3avro';
  readonly store: FileStore;
  readonly codec: Codec;
  readonly contentType: string;
  readonly cacheControl: string;
}

const WORDS: Readonly<Record<FilesCopierOptions['archiver'], { title: string; target: Noun }>> = {
  fileavro: { title: 'Avro files', target: { one: 'folder', many: 'folders' } },
  gcsavro: { title: 'Google Cloud Storage', target: { one: 'bucket', many: 'buckets' } },
  s3avro: { title: 'S3', target: { one: 'bucket', many: 'buckets' } },
};

/** What the log calls each when it is away. */
const ENGINES = { files: 'files', s3: 's3', gcs: 'gcs' } as const;

/** Copies each order into one Avro file: the same order again replaces it by the same. */
export function createFilesCopier(options: FilesCopierOptions): Copier {
  const { archiver, store, codec, contentType, cacheControl } = options;
  const byYear = archiver !== 'fileavro';
  return {
    archiver,
    engine: ENGINES[store.kind],
    place: store.place,
    ...WORDS[archiver],
    object: { one: 'file', many: 'files' },
    check: (signal) => store.check(signal),
    copy: async ({ order, shape, rows, signal, tell }: Copy): Promise<readonly DeliveredObject[]> => {
      const name = fileNameOf(order, byYear);
      tell(`writes ${name}`);
      const content = avroFile({
        schema: shape.schema,
        codec,
        blockBytes: BLOCK_BYTES,
        rows: rows(),
        syncMarker: syncMarkerOf(order.id),
      });
      const { bytes, sha256 } = await store.put(name, content, {
        contentType,
        cacheControl,
        metadata: { order: order.id, records: String(order.records) },
        signal,
      });
      return [{ bucket: store.place, prefix: '', key: name, records: order.records, bytes, sha256 }];
    },
    find: ({ entry, shape }, signal) => findInFiles(store, entry, shape, signal),
  };
}

async function findInFiles(
  store: FileStore,
  { objects }: BookEntry,
  shape: TableShape,
  signal: AbortSignal,
): Promise<Found> {
  const checksum = new ChecksumOf();
  let records = 0;
  for (const { key } of objects) {
    try {
      for await (const { fields, rows } of readAvro(store.read(key, signal), signal)) {
        const index = fields.indexOf(shape.key);
        for (const row of rows) checksum.key(keyOf(Number(row[index])));
        records += rows.length;
      }
    } catch (error) {
      if (!(error instanceof NoSuchFileError)) throw error;
    }
  }
  return { records, checksum: checksum.text };
}
