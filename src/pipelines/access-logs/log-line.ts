/**
 * How the value of a field is written.
 *
 * - `plain`: text in which nothing but printable characters without spaces and quotes is left
 * - `time`: `[28/Oct/2025:14:30:45 +0000]`, in UTC
 * - `key`: text, URL-encoded but for its slashes
 * - `quoted`: text between double quotes, in which spaces may stand
 * - `referer`: text between double quotes, in which no space may stand
 * - `number`: a whole number
 * - `milliseconds`: a plain decimal
 * - `status`: an HTTP status, digits
 */
export type FieldKind =
  'plain' | 'time' | 'key' | 'quoted' | 'referer' | 'number' | 'milliseconds' | 'status';

/** One field of a line of an S3 server access log. */
export interface LogLineField {
  /** Position in the line, from 1. */
  readonly number: number;
  /** What AWS calls the field. */
  readonly name: string;
  /** The field's column in the table that AWS publishes for Athena. */
  readonly athenaColumn: string;
  /** The column of the logs table that holds the value; `-` when there is none and the field is always `-`. */
  readonly column: string;
  readonly kind: FieldKind;
}

/** What stands for a value that is unknown or does not apply. */
export const NO_VALUE = '-';

/** Fields that every line has had since 2014; later ones came at the end, and lines of older logs lack them. */
export const FIELDS_IN_EVERY_LINE = 18;

/**
 * The one list of the log line's fields, in their order: the SQL that writes lines, the parser, the regular
 * expression and the tables in docs/log-format.md are derived from it. AWS's 27th field, the source region,
 * is not written.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
 */
export const logLineFields = [
  { number: 1, name: 'Bucket Owner', athenaColumn: 'bucketowner', column: 'bucketOwner', kind: 'plain' },
  { number: 2, name: 'Bucket', athenaColumn: 'bucket_name', column: 'bucketName', kind: 'plain' },
  { number: 3, name: 'Time', athenaColumn: 'requestdatetime', column: 'startTime', kind: 'time' },
  { number: 4, name: 'Remote IP', athenaColumn: 'remoteip', column: 'clientIP', kind: 'plain' },
  { number: 5, name: 'Requester', athenaColumn: 'requester', column: 'requester', kind: 'plain' },
  { number: 6, name: 'Request ID', athenaColumn: 'requestid', column: 'req_id', kind: 'plain' },
  { number: 7, name: 'Operation', athenaColumn: 'operation', column: 'operation', kind: 'plain' },
  { number: 8, name: 'Key', athenaColumn: 'key', column: 'objectKey', kind: 'key' },
  { number: 9, name: 'Request-URI', athenaColumn: 'request_uri', column: 'requestURI', kind: 'quoted' },
  { number: 10, name: 'HTTP status', athenaColumn: 'httpstatus', column: 'httpCode', kind: 'status' },
  { number: 11, name: 'Error Code', athenaColumn: 'errorcode', column: 'errorCode', kind: 'plain' },
  { number: 12, name: 'Bytes Sent', athenaColumn: 'bytessent', column: 'bytesSent', kind: 'number' },
  { number: 13, name: 'Object Size', athenaColumn: 'objectsize', column: 'objectSize', kind: 'number' },
  { number: 14, name: 'Total Time', athenaColumn: 'totaltime', column: 'totalTime', kind: 'milliseconds' },
  {
    number: 15,
    name: 'Turn-Around Time',
    athenaColumn: 'turnaroundtime',
    column: 'turnAroundTime',
    kind: 'milliseconds',
  },
  { number: 16, name: 'Referer', athenaColumn: 'referrer', column: 'referer', kind: 'referer' },
  { number: 17, name: 'User-Agent', athenaColumn: 'useragent', column: 'userAgent', kind: 'quoted' },
  { number: 18, name: 'Version Id', athenaColumn: 'versionid', column: 'versionId', kind: 'plain' },
  { number: 19, name: 'Host Id', athenaColumn: 'hostid', column: '-', kind: 'plain' },
  { number: 20, name: 'Signature Version', athenaColumn: 'sigv', column: 'signatureVersion', kind: 'plain' },
  { number: 21, name: 'Cipher Suite', athenaColumn: 'ciphersuite', column: 'cipherSuite', kind: 'plain' },
  {
    number: 22,
    name: 'Authentication Type',
    athenaColumn: 'authtype',
    column: 'authenticationType',
    kind: 'plain',
  },
  { number: 23, name: 'Host Header', athenaColumn: 'endpoint', column: 'hostHeader', kind: 'plain' },
  { number: 24, name: 'TLS version', athenaColumn: 'tlsversion', column: 'tlsVersion', kind: 'plain' },
  { number: 25, name: 'Access Point ARN', athenaColumn: 'accesspointarn', column: '-', kind: 'plain' },
  { number: 26, name: 'aclRequired', athenaColumn: 'aclrequired', column: 'aclRequired', kind: 'plain' },
] as const satisfies readonly LogLineField[];

/** A column of the logs table that the log line shows. */
export type LogLineColumn = Exclude<(typeof logLineFields)[number]['column'], typeof NO_VALUE>;
