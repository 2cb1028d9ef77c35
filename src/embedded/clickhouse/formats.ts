/**
 * Formats without a header or footer: the engine formats a streamed result block by block, each block a
 * document of its own, so only these may be streamed. All others are formatted as a whole, in memory.
 */
const STREAMABLE = new Set([
  'TabSeparated',
  'TSV',
  'TabSeparatedRaw',
  'TSVRaw',
  'Raw',
  'CSV',
  'JSONEachRow',
  'JSONLines',
  'NDJSON',
  'JSONStringsEachRow',
  'JSONCompactEachRow',
  'JSONCompactStringsEachRow',
  'LineAsString',
  'RowBinary',
  'Native',
  'Null',
]);

const TEXT = 'text/plain; charset=UTF-8';

/** True when results in this format may be sent block by block. */
export function isStreamable(format: string): boolean {
  return STREAMABLE.has(format);
}

/** The Content-Type that ClickHouse sends for a format. */
export function contentType(format: string): string {
  if (/^(JSONEachRow|JSONLines|NDJSON|JSON\w*EachRow\w*)$/.test(format))
    return 'application/x-ndjson; charset=UTF-8';
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  if (/^(TabSeparated|TSV)/.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8; header=absent';
  if (/^(RowBinary|Native|Parquet|Arrow|ORC|Avro|MsgPack|Protobuf)/.test(format))
    return 'application/octet-stream';
  return TEXT;
}
