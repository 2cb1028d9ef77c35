import { z } from 'zod';
import { flag, integer, oneOf, seconds, setting, text, textLike, type Setting } from './setting.js';
import { port } from './dashboard-settings.js';

/** A table to archive: its name, its growing integer key, and the column that says when a row came in. */
export interface TableName {
  readonly table: string;
  readonly key: string;
  readonly time: string;
}

const NAME = '[A-Za-z_][A-Za-z0-9_$]{0,63}';
const TABLE = new RegExp(`^${NAME}(:${NAME}:${NAME})?$`);
const TABLE_LIST = 'one table or several, comma-separated, each as table or table:key-column:time-column';

/** Tables with their columns, as they are written. */
function tableNames(): z.ZodType<readonly string[]> {
  return z
    .preprocess(
      listFrom,
      z.array(z.string(TABLE_LIST).regex(TABLE, TABLE_LIST), TABLE_LIST).min(1, TABLE_LIST),
    )
    .refine((list) => new Set(list.map((one) => tableNameOf(one).table)).size === list.length, {
      error: 'each table once',
    })
    .describe(TABLE_LIST);
}

/** Reads `table` or `table:key-column:time-column`; the columns are `id` and `ts` unless said otherwise. */
export function tableNameOf(text: string): TableName {
  const [table = '', key = 'id', time = 'ts'] = text.split(':');
  return { table, key, time };
}

/** Plain names of tables; none is a list too. */
function names(): z.ZodType<readonly string[]> {
  const allowed = 'names of tables, comma-separated, or nothing';
  const name = new RegExp(`^${NAME}$`);
  return z.preprocess(listFrom, z.array(z.string(allowed).regex(name, allowed), allowed)).describe(allowed);
}

function listFrom(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const googleName = (): z.ZodType<string> =>
  textLike(/^[A-Za-z0-9_.:-]*$/, 'letters, digits, _ . : and -, or nothing');

const MOST_ROWS = 100_000_000;

/** How large the batches of one kind of destination are, and how often one is made. */
function batchSettings<const Name extends string>(
  name: Name,
  short: string,
  [min, max, interval]: readonly [number, number, number],
  of: string,
): Readonly<Record<`tables.${Name}-batch-min` | `tables.${Name}-batch-max`, Setting<z.ZodType<number>>>> &
  Readonly<Record<`tables.${Name}-interval-seconds`, Setting<z.ZodType<number>>>>;
function batchSettings(
  name: string,
  short: string,
  [min, max, interval]: readonly [number, number, number],
  of: string,
): Readonly<Record<string, Setting<z.ZodType<number>>>> {
  return {
    [`tables.${name}-batch-min`]: setting(
      integer(1, MOST_ROWS),
      min,
      `Fewest rows in one batch for ${of}; fewer wait.`,
      { unit: 'rows', aliases: [`batch_${short}_min_size`] },
    ),
    [`tables.${name}-batch-max`]: setting(integer(1, MOST_ROWS), max, `Most rows in one batch for ${of}.`, {
      unit: 'rows',
      aliases: [`batch_${short}_max_size`],
    }),
    [`tables.${name}-interval-seconds`]: setting(
      seconds(0, 31_536_000),
      interval,
      `Least time between two batches of one table for ${of}; 0 for none.`,
      { unit: 's', aliases: [`batch_${short}_interval`] },
    ),
  };
}

/** The rows of the settings table on the archive of database tables. */
export const tablesSettings = {
  'tables.host': setting(text(), '', 'Host of the MySQL or MariaDB server that has the tables.', {
    aliases: ['db_host'],
  }),
  'tables.port': setting(port(), 3306, 'Port of that server.'),
  'tables.database': setting(text(), '', 'Database that has the tables.', { aliases: ['db_database'] }),
  'tables.username': setting(text(), '', 'User of the database.', { aliases: ['db_user'] }),
  'tables.password': setting(text(), '', 'Password of that user.', { secret: true, aliases: ['db_pass'] }),
  'tables.dsn': setting(
    text(),
    '',
    'All of that in one: mysql://user:password@host:3306/database, or as Go programs write it, user:password@tcp(host:3306)/database. What tables.host and the others say goes before it.',
    { secret: true, aliases: ['DATABASE_DSN'] },
  ),
  'tables.database-file': setting(
    text(),
    'database.yaml',
    'YAML file with mysql: {dsn, user, pass, dbname}, read when there is one and neither tables.host nor tables.dsn is given.',
    { aliases: ['DATABASE_CONFIG_FILE'] },
  ),
  'tables.max-open-connections': setting(integer(3, 1000), 10, 'Most connections to the database.', {
    aliases: ['db_max_open_conns'],
  }),
  'tables.max-idle-connections': setting(
    integer(1, 1000),
    10,
    'Most connections that are kept while nothing is to be done.',
    { aliases: ['db_max_idle_conns'] },
  ),
  'tables.max-idle-seconds': setting(
    seconds(1, 86_400),
    120,
    'A connection that was not used for this long is closed.',
    { unit: 's', aliases: ['db_max_idle_time'] },
  ),
  'tables.max-lifetime-seconds': setting(
    seconds(1, 86_400),
    300,
    'A connection this old is closed once it is free, but for the one that holds the archiver’s lock.',
    { unit: 's', aliases: ['db_max_lifetime'] },
  ),
  'tables.connect-timeout-seconds': setting(
    seconds(0.1, 600),
    10,
    'How long it may take to connect to the database.',
    { unit: 's', aliases: ['db_timeout'] },
  ),

  'tables.names': setting(
    tableNames(),
    'log_scores',
    'Tables to archive. The key is a growing whole number, id unless said otherwise; the time column, ts unless said otherwise, tells how old a row is.',
    { aliases: ['app_default_table'] },
  ),
  'tables.valid-names': setting(names(), '', 'When given, tables.names and archive -t may name no others.', {
    aliases: ['app_valid_tables'],
  }),
  'tables.settle-seconds': setting(
    seconds(0, 86_400),
    60,
    'A batch ends before the first missing key that is younger than this: its row may be in a transaction that is not committed yet.',
    { unit: 's' },
  ),
  'tables.retention-days': setting(
    integer(1, 36_500),
    15,
    'Rows older than this are deleted once every destination has them.',
    { unit: 'days', aliases: ['retention_days'] },
  ),
  'tables.cleanup-enabled': setting(flag(), true, 'Delete old rows that every destination has.'),
  'tables.delivery-timeout-seconds': setting(
    seconds(1, 86_400),
    3600,
    'How long the delivery of one batch may take.',
    { unit: 's' },
  ),

  'tables.avro-path': setting(text(), '', 'Folder for Avro files; nothing for none.', {
    aliases: ['avro_path'],
  }),
  'tables.avro-codec': setting(
    oneOf(['null', 'deflate', 'zstd']),
    'deflate',
    'How the blocks of Avro files are compressed.',
  ),
  'tables.s3-bucket': setting(
    text(),
    '',
    'Bucket for Avro files, on the S3 server that the s3 settings name; nothing for none.',
  ),
  'tables.s3-prefix': setting(
    textLike(/^([A-Za-z0-9_.-]+\/)*$/, 'nothing, or a path that ends with /'),
    '',
    'What the keys in that bucket begin with.',
  ),
  'tables.gcs-bucket': setting(
    text(),
    '',
    'Bucket of Google Cloud Storage for Avro files; nothing for none.',
    {
      aliases: ['gc_bucket'],
    },
  ),
  'tables.gcs-project': setting(googleName(), '', 'Google Cloud project of that bucket.', {
    aliases: ['gc_project'],
  }),
  'tables.gcs-endpoint': setting(
    text(),
    '',
    'Address of Google Cloud Storage’s API; nothing for Google’s own.',
  ),
  'tables.object-content-type': setting(text(), 'avro/binary', 'Content type of the files in buckets.', {
    aliases: ['gc_content_type'],
  }),
  'tables.object-cache-control': setting(
    text(),
    'public, max-age=157248000',
    'Cache-Control of the files in buckets.',
    { aliases: ['gc_cache_control'] },
  ),
  'tables.bigquery-dataset': setting(
    googleName(),
    '',
    'Dataset of BigQuery for the rows; nothing for none.',
    {
      aliases: ['bq_dataset'],
    },
  ),
  'tables.bigquery-project': setting(googleName(), '', 'Google Cloud project of that dataset.', {
    aliases: ['bq_project'],
  }),
  'tables.bigquery-endpoint': setting(text(), '', 'Address of BigQuery’s API; nothing for Google’s own.'),
  'tables.google-credentials': setting(
    text(),
    '',
    'File with the key of a Google service account; nothing for what the machine has.',
    { aliases: ['GOOGLE_APPLICATION_CREDENTIALS'] },
  ),
  'tables.clickhouse-dsn': setting(
    text(),
    '',
    'ClickHouse for the rows, apart from that of the access logs: http://user:password@host:8123/database; clickhouse:// and tcp:// are taken too, for their HTTP interface. Nothing for none.',
    { secret: true, aliases: ['ch_dsn'] },
  ),

  ...batchSettings('clickhouse', 'ch', [50, 500_000, 0], 'ClickHouse'),
  ...batchSettings('bigquery', 'bq', [200, 10_000_000, 600], 'BigQuery'),
  ...batchSettings('avro', 'avro', [500_000, 10_000_000, 86_400], 'Avro files'),
  'tables.cleanup-batch-max': setting(
    integer(1, 10_000_000),
    200_000,
    'Most rows that one cleanup deletes.',
    {
      unit: 'rows',
      aliases: ['cleanup_batch_size'],
    },
  ),
  'tables.cleanup-interval-seconds': setting(
    seconds(0, 86_400),
    240,
    'Time between two cleanups of a table.',
    { unit: 's', aliases: ['cleanup_default_interval'] },
  ),
  'tables.cleanup-full-interval-seconds': setting(
    seconds(0, 86_400),
    60,
    'The same, while each deletes as many rows as it may.',
    { unit: 's', aliases: ['cleanup_reduced_interval'] },
  ),
} as const;
