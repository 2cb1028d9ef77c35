import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { splitLines } from './lines.js';
import { readLogFile } from './log-file.js';
import { parseLogLine, type LogLineColumns } from './log-line-parser.js';

/** A line that was left out. */
export interface LineProblem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** Where imported records belong, and how an import can be watched and stopped. */
export interface ImportOptions {
  /** Bucket to deliver the records to; without one they are only kept (loggingEnabled is false). */
  readonly targetBucket?: string | undefined;
  readonly targetPrefix?: string | undefined;
  /** Shard key of the records. @defaultValue 0 */
  readonly raftSession?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProblem?: ((problem: LineProblem) => void) | undefined;
  /** Called after each INSERT with the number of records that are in the table. */
  readonly onProgress?: ((records: number) => void) | undefined;
}

/** What was imported. */
export interface ImportResult {
  readonly files: number;
  /** Records that are in the table now. */
  readonly records: number;
  /** Lines that were left out, each told to `onProblem`. Empty lines do not count. */
  readonly problems: number;
}

/** No field of a request comes near this; S3 limits the header to 8 KB. */
const MAX_LINE_BYTES = 1024 * 1024;
const RECORDS_PER_INSERT = 10_000;

/**
 * Reads log files in AWS's format, plain or gzip, and inserts their records as if they had come in now. Lines that
 * cannot be read are told and left out. Files are read in streams: memory holds one INSERT's records, not a file.
 * When it ends with an error, the records that are already in the table stay.
 *
 * @throws {LogFileError} when a file cannot be read
 * @throws {ClickHouseUnreachableError} or {@link ClickHouseQueryError} as the client does
 */
export async function importLogFiles(
  clickhouse: ClickHouse,
  tables: Tables,
  files: readonly string[],
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { signal, onProblem, onProgress } = options;
  const fixed = fixedColumns(options);
  let batch: object[] = [];
  let records = 0;
  let problems = 0;
  const insert = async (): Promise<void> => {
    if (batch.length === 0) return;
    const doing = `import ${batch.length} records`;
    await clickhouse.insert(tables.logs, batch, { doing, ...(signal === undefined ? {} : { signal }) });
    records += batch.length;
    batch = [];
    onProgress?.(records);
  };
  for (const file of files) {
    for await (const entry of readEntries(file, signal)) {
      if (entry.kind === 'problem') {
        problems += 1;
        onProblem?.(entry.problem);
        continue;
      }
      batch.push({ ...rowOf(entry.columns), ...fixed });
      if (batch.length >= RECORDS_PER_INSERT) await insert();
    }
  }
  await insert();
  return { files: files.length, records, problems };
}

type Entry =
  | { readonly kind: 'record'; readonly columns: LogLineColumns }
  | { readonly kind: 'problem'; readonly problem: LineProblem };

async function* readEntries(file: string, signal: AbortSignal | undefined): AsyncGenerator<Entry> {
  for await (const { number, text, isTooLong } of splitLines(readLogFile(file, signal), MAX_LINE_BYTES)) {
    const problem = (message: string): Entry => ({
      kind: 'problem',
      problem: { file, line: number, message },
    });
    if (isTooLong) {
      yield problem(`the line is longer than ${MAX_LINE_BYTES} bytes`);
    } else if (text.trim() !== '') {
      const parsed = parseLogLine(text);
      yield parsed.ok ? { kind: 'record', columns: parsed.columns } : problem(parsed.message);
    }
  }
}

/** ClickHouse would take a time without a zone for one in its own zone. */
function rowOf(columns: LogLineColumns): object {
  return { ...columns, startTime: `${columns.startTime}Z` };
}

function fixedColumns({ targetBucket = '', targetPrefix = '', raftSession = 0 }: ImportOptions): object {
  return {
    loggingEnabled: targetBucket !== '',
    loggingTargetBucket: targetBucket,
    loggingTargetPrefix: targetBucket === '' ? '' : targetPrefix,
    raftSessionID: raftSession,
  };
}
