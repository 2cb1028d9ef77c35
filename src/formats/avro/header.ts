import avsc from 'avsc';

/** What an object container file begins with. */
export const MAGIC = Buffer.from('Obj\u0001', 'latin1');

/** Bytes of a sync marker. */
export const SYNC_BYTES = 16;

/** Content type of object container files. */
export const AVRO_CONTENT_TYPE = 'avro/binary';

/** https://avro.apache.org/docs/1.11.1/specification/#object-container-files */
export const HEADER = avsc.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: MAGIC.length } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: SYNC_BYTES } },
  ],
});

/** What stands before a block's data: the number of its rows, and its bytes as they are in the file. */
export const BLOCK_START = avsc.Type.forSchema({
  type: 'record',
  name: 'BlockStart',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'bytes', type: 'long' },
  ],
});
