import { markdownTable } from '../../config/markdown-table.js';
import {
  FIELDS_IN_EVERY_LINE,
  logLineFields,
  NO_VALUE,
  type FieldKind,
  type LogLineField,
} from './log-line.js';

const PATTERNS: Readonly<Record<FieldKind, string>> = {
  plain: '([^ ]*)',
  time: String.raw`\[(.*?)\]`,
  key: '([^ ]*)',
  quoted: '("[^"]*"|-)',
  referer: '([^ ]*)',
  number: '([^ ]*)',
  milliseconds: '([^ ]*)',
  status: '(-|[0-9]*)',
};

const KINDS: Readonly<Record<FieldKind, string>> = {
  plain: 'text',
  time: '`[day/month/year:hour:minute:second +0000]`',
  key: 'text, URL-encoded',
  quoted: 'text in quotes',
  referer: 'text in quotes, without spaces',
  number: 'whole number',
  milliseconds: 'decimal, in ms',
  status: 'whole number',
};

/**
 * The regular expression that AWS publishes for reading log lines with Athena: a group for each field, the
 * later ones optional, and anything after them.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-s3-access-logs-to-identify-requests.html
 */
export function logLinePattern(): string {
  const patterns = logLineFields.map(({ kind }) => PATTERNS[kind]);
  const always = patterns.slice(0, FIELDS_IN_EVERY_LINE).join(' ');
  const later = patterns.slice(FIELDS_IN_EVERY_LINE).map((pattern) => ` ${pattern}`);
  return `${always}(?:${later.join('')})?.*$`;
}

/** The Markdown table of the log line's fields. */
export function logLineFieldsTable(): string {
  const head = ['#', 'Field', 'Written as', 'Column of `logs`'];
  return markdownTable([head, ...logLineFields.map(cells)], ['right']);
}

function cells({ number, name, kind, column }: LogLineField): string[] {
  return column === NO_VALUE
    ? [String(number), name, 'always `-`', '']
    : [String(number), name, KINDS[kind], `\`${column}\``];
}

/** The statement with which Athena is told of a bucket of log objects; the location is to be filled in. */
export function athenaTable(): string {
  const columns = logLineFields.map(({ athenaColumn, kind }) => `  \`${athenaColumn}\` ${athenaType(kind)}`);
  return `CREATE EXTERNAL TABLE \`s3_access_logs_db.mybucket_logs\`(
${columns.join(',\n')})
ROW FORMAT SERDE
  'org.apache.hadoop.hive.serde2.RegexSerDe'
WITH SERDEPROPERTIES (
  'input.regex'='${logLinePattern().replaceAll('\\', '\\\\').replaceAll('"', '\\"')}')
STORED AS INPUTFORMAT
  'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT
  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION
  's3://TARGET-BUCKET/TARGET-PREFIX/'`;
}

function athenaType(kind: FieldKind): string {
  return kind === 'number' ? 'BIGINT' : 'STRING';
}
