import { redisUrl } from './redis-url.js';
import {
  decimal,
  flag,
  integer,
  oneOf,
  setting,
  text,
  textLike,
  url,
  urls,
  type Setting,
} from './setting.js';

const identifier = (): ReturnType<typeof textLike> =>
  textLike(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a table name of letters, digits and _');
const optionalIdentifier = (): ReturnType<typeof textLike> =>
  textLike(
    /^([A-Za-z_][A-Za-z0-9_]*)?$/,
    'a table name of letters, digits and _, or nothing for the layout’s own',
  );

const MEBIBYTE = 1024 * 1024;

/** The rows of the settings table on the engines that log-courier works with. */
export const engineSettings = {
  'clickhouse.url': setting(
    urls(['http', 'https']),
    'http://127.0.0.1:8123',
    'HTTP interface of ClickHouse; with several, the next one takes over when one is down.',
  ),
  'clickhouse.username': setting(text(), 'default', 'ClickHouse user.'),
  'clickhouse.password': setting(text(), '', 'Password of the ClickHouse user.', { secret: true }),
  'clickhouse.timeout-seconds': setting(
    decimal(1, 3600),
    30,
    'How long ClickHouse may be silent before a request counts as failed.',
    { unit: 's' },
  ),
  'clickhouse.database': setting(identifier(), 'logs', 'Database that holds the tables.'),
  'clickhouse.cluster': setting(
    textLike(/^[A-Za-z0-9_.-]*$/, 'a cluster name, or nothing for one node'),
    '',
    'Cluster of the Distributed tables; nothing on one node, where each pair of tables is one plain table.',
  ),
  'clickhouse.table-layout': setting(
    oneOf(['default', 'federation']),
    'default',
    'Which family of table names is in use; the names below override single ones.',
  ),
  'clickhouse.logs-table': setting(optionalIdentifier(), '', 'Distributed table of the access-log records.'),
  'clickhouse.logs-local-table': setting(
    optionalIdentifier(),
    '',
    'Local table of the access-log records (clusters only).',
  ),
  'clickhouse.ingest-table': setting(optionalIdentifier(), '', 'Null table that log shippers insert into.'),
  'clickhouse.offsets-table': setting(
    optionalIdentifier(),
    '',
    'Distributed table of the committed offsets.',
  ),
  'clickhouse.offsets-local-table': setting(
    optionalIdentifier(),
    '',
    'Local table of the committed offsets (clusters only).',
  ),
  'clickhouse.work-orders-table': setting(optionalIdentifier(), '', 'Distributed table of the order book.'),
  'clickhouse.work-orders-local-table': setting(
    optionalIdentifier(),
    '',
    'Local table of the order book (clusters only).',
  ),

  'redis.url': setting(
    redisUrl(),
    'redis://127.0.0.1:6379',
    'Redis that runs the queues; rediss:// for TLS.',
  ),
  'redis.username': setting(text(), '', 'Redis user, when the URL names none.'),
  'redis.password': setting(text(), '', 'Password of the Redis user, when the URL has none.', {
    secret: true,
  }),
  'redis.key-prefix': setting(
    textLike(/^[A-Za-z0-9_.-]+$/, 'letters, digits, _ . and -'),
    'log-courier',
    'Begins every key in Redis, so that several deployments can share one.',
  ),
  'redis.tls-ca-file': setting(text(), '', 'PEM file of the authority that signed the Redis certificate.'),
  'redis.tls-skip-verify': setting(flag(), false, 'Accept any certificate from Redis.'),

  's3.endpoint': setting(url(['http', 'https'], true), '', 'S3 service; nothing for AWS itself.', {
    env: 'S3_ENDPOINT',
  }),
  's3.region': setting(
    textLike(/^[A-Za-z0-9-]+$/, 'a region name'),
    'us-east-1',
    'Region that requests are signed for.',
    { env: 'S3_REGION' },
  ),
  's3.access-key-id': setting(text(), '', 'Access key; nothing for the AWS SDK’s own search.', {
    env: 'S3_ACCESS_KEY_ID',
  }),
  's3.secret-access-key': setting(text(), '', 'Secret of the access key.', {
    env: 'S3_SECRET_ACCESS_KEY',
    secret: true,
  }),
  's3.force-path-style': setting(flag(), true, 'Name the bucket in the path, not in the host name.', {
    env: 'S3_FORCE_PATH_STYLE',
  }),
  's3.max-retry-attempts': setting(
    integer(1, 100),
    3,
    'Attempts of one S3 request, before the work order itself is retried.',
    { env: 'S3_MAX_RETRY_ATTEMPTS' },
  ),
  's3.max-backoff-delay-seconds': setting(
    decimal(0, 3600),
    20,
    'Longest wait between attempts of one S3 request.',
    { unit: 's', env: 'S3_MAX_BACKOFF_DELAY_SECONDS' },
  ),
  's3.tls-skip-verify': setting(flag(), false, 'Accept any certificate from S3.', {
    env: 'S3_TLS_SKIP_VERIFY',
  }),
  's3.part-size-bytes': setting(
    integer(5 * MEBIBYTE, 512 * MEBIBYTE),
    16 * MEBIBYTE,
    'Objects up to this size are sent in one PUT, larger ones as multipart uploads in parts of this size.',
    { unit: 'bytes', env: 'S3_PART_SIZE_BYTES' },
  ),
  's3.conditional-writes': setting(
    oneOf(['auto', 'on', 'off']),
    'auto',
    'Whether S3 honours If-None-Match and If-Match; auto finds out by itself. Small objects take one request where it does, three where it does not.',
    { env: 'S3_CONDITIONAL_WRITES' },
  ),
  's3.part-checksums': setting(
    flag(),
    true,
    'Send SHA-256 checksums with the parts of multipart uploads, for S3 to check and keep.',
    { env: 'S3_PART_CHECKSUMS' },
  ),
  's3.buffer-bytes': setting(
    integer(5 * MEBIBYTE, 1024 * 1024 * MEBIBYTE),
    64 * MEBIBYTE,
    'Memory for parts of objects that a process reads and sends at the same time; one part at least.',
    { unit: 'bytes', env: 'S3_BUFFER_BYTES' },
  ),
  's3.small-objects-in-flight': setting(
    integer(1, 1000),
    64,
    'Objects of small work orders that one process sends at the same time, each on a connection of its own.',
    { unit: 'objects', env: 'S3_SMALL_OBJECTS_IN_FLIGHT' },
  ),
  's3.parts-in-flight': setting(integer(1, 64), 2, 'Parts of one object that are sent at the same time.', {
    unit: 'parts',
    env: 'S3_PARTS_IN_FLIGHT',
  }),
} as const satisfies Readonly<Record<string, Setting>>;
