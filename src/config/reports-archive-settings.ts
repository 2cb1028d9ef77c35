import { flag, integer, oneOf, setting, text, textLike, url, type Setting } from './setting.js';

/** Text with the placeholders of a key pattern, one of which tells inputs apart. */
const KEY_PATTERN =
  /^(?=.*\{(?:time|id)\})(?!\/)(?:[^{}\\\x00-\x1f\x7f]|\{(?:yyyy|mm|dd|hh|time|id|name|agent|type)\})+\.jsonl\.zst$/;

/** The rows of the settings table on the archive of reports. */
export const reportsArchiveSettings = {
  'reports.archive': setting(
    oneOf(['files', 's3', 'gcs']),
    'files',
    'Where reports are archived: a directory, an S3 bucket (`s3.*`), or a bucket of Google Cloud Storage.',
  ),
  'reports.directory': setting(
    text(),
    './data/reports',
    'Directory of the archive, when it is one of files.',
  ),
  'reports.bucket': setting(
    textLike(/^[A-Za-z0-9._-]{0,222}$/, 'the name of a bucket'),
    '',
    'Bucket of the archive, when it is in S3 or Google Cloud Storage.',
  ),
  'reports.prefix': setting(
    textLike(/^(?!\/)[^\x00-\x1f\x7f]{0,500}$/, 'text that does not begin with /'),
    '',
    'What the names of all files in the bucket begin with, such as `reports/`.',
  ),
  'reports.gcs-endpoint': setting(
    url(['http', 'https'], true),
    '',
    'Address of Google Cloud Storage’s API; nothing for Google’s own.',
  ),
  'reports.gcs-key-file': setting(
    text(),
    '',
    'File with the key of a service account for Google Cloud Storage; nothing for the credentials of the machine.',
  ),
  'reports.key-pattern': setting(
    textLike(
      KEY_PATTERN,
      'text with {yyyy}, {mm}, {dd}, {hh}, {time}, {id}, {name}, {agent}, {type}, among them {time} or {id}, that ends in .jsonl.zst',
    ),
    'reports-{time}.jsonl.zst',
    'Names of the files; folders have `/` between them. `{time}` is that of the first report of a segment, dates are those of the reports.',
  ),
  'reports.envelope': setting(
    flag(),
    false,
    'Whether a line is the report in an envelope with its id, agent, type and time, or the report alone, as it was posted.',
  ),
  'reports.zstd-level': setting(integer(1, 22), 3, 'Level of compression, from fast to small.'),
  'reports.zstd-long-window-log': setting(
    integer(0, 27)
      .refine((value) => value === 0 || value >= 10, { error: '0, or a whole number from 10 to 27' })
      .describe('0, or a whole number from 10 to 27'),
    0,
    'Long-distance matching within 2 to this power bytes, for reports that repeat after megabytes; 0 for none.',
  ),
  'reports.watch-directory': setting(
    text(),
    '',
    'Directory whose files (`.jsonl`, `.jsonl.gz`, `.jsonl.zst`) are taken into the archive and removed from it; nothing for none.',
  ),
  'reports.watch-quiet-seconds': setting(
    integer(0, 86_400),
    10,
    'A file there is complete when nothing was written to it for this long.',
    { unit: 's' },
  ),
} as const satisfies Readonly<Record<string, Setting>>;
