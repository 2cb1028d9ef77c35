import type { RecordSchema, Row } from '../../src/formats/avro/schema.js';

/** The schema of an NTP pool's measurements, as existing archives have it. */
export const LOGSCORE: RecordSchema = {
  type: 'record',
  name: 'logscore',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'server_id', type: 'int' },
    { name: 'monitor_id', type: 'int' },
    { name: 'ts', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'score', type: 'float' },
    { name: 'step', type: 'float' },
    { name: 'offset', type: ['null', 'float'] },
    { name: 'rtt', type: ['null', 'int'] },
    { name: 'leap', type: ['null', 'int'] },
    { name: 'error', type: ['null', 'string'] },
  ],
};

/** So many rows of that schema, all different, with values that a float holds exactly. */
export function logscores(count: number, from = 1): Row[] {
  return Array.from({ length: count }, (_, index) => {
    const id = from + index;
    return [
      BigInt(id),
      (id % 4000) + 1,
      id % 7 === 0 ? 0 : id % 50,
      1_700_000_000_000_000n + BigInt(id) * 1000n,
      (id % 80) / 4,
      id % 3 === 0 ? -5 : 1,
      id % 5 === 0 ? null : (id % 1000) / 1024,
      id % 5 === 0 ? null : id % 100_000,
      id % 11 === 0 ? 3 : null,
      id % 5 === 0 ? 'i/o timeout' : null,
    ];
  });
}

/** Rows in batches of some size. */
export async function* inBatches(rows: readonly Row[], size: number): AsyncGenerator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += size) yield await Promise.resolve(rows.slice(at, at + size));
}
