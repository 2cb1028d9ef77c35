/** A row of the logs table as JSONEachRow has it: 64-bit integers are text there. */
export interface NaiveRow {
  readonly bucketOwner: string | null;
  readonly bucketName: string;
  /** `2026-01-31 23:59:59.123`, in UTC. */
  readonly startTime: string;
  readonly clientIP: string | null;
  readonly requester: string | null;
  readonly req_id: string;
  readonly operation: string | null;
  readonly objectKey: string | null;
  readonly requestURI: string | null;
  readonly httpCode: number | null;
  readonly errorCode: string | null;
  readonly bytesSent: string | null;
  readonly objectSize: string | null;
  readonly totalTime: number | null;
  readonly turnAroundTime: number | null;
  readonly referer: string | null;
  readonly userAgent: string | null;
  readonly versionId: string | null;
  readonly signatureVersion: string | null;
  readonly cipherSuite: string | null;
  readonly authenticationType: string | null;
  readonly hostHeader: string | null;
  readonly tlsVersion: string | null;
  readonly aclRequired: string | null;
}

/** The line of a row, with its line feed: what log-courier has ClickHouse write, field by field in JavaScript. */
export function naiveLine(row: NaiveRow): string {
  return `${plain(row.bucketOwner)} ${plain(row.bucketName)} ${time(row.startTime)} ${plain(row.clientIP)} ${plain(
    row.requester,
  )} ${plain(row.req_id)} ${plain(row.operation)} ${key(row.objectKey)} ${quoted(row.requestURI)} ${number(
    row.httpCode,
  )} ${plain(row.errorCode)} ${number(row.bytesSent)} ${number(row.objectSize)} ${number(row.totalTime)} ${number(
    row.turnAroundTime,
  )} ${referer(row.referer)} ${quoted(row.userAgent)} ${plain(row.versionId)} - ${plain(
    row.signatureVersion,
  )} ${plain(row.cipherSuite)} ${plain(row.authenticationType)} ${plain(row.hostHeader)} ${plain(
    row.tlsVersion,
  )} - ${plain(row.aclRequired)}\n`;
}

const UNSAFE = /["\p{Cc}\p{Zl}\p{Zp} ]/gu;
const UNSAFE_IN_QUOTES = /["\p{Cc}\p{Zl}\p{Zp}]/gu;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function plain(value: string | null): string {
  if (value === null || value === '') return '-';
  return value.replace(UNSAFE, encodeURIComponent);
}

function quoted(value: string | null): string {
  if (value === null || value === '') return '"-"';
  return `"${value.replace(UNSAFE_IN_QUOTES, encodeURIComponent).replace(/\\$/, '%5C')}"`;
}

function referer(value: string | null): string {
  if (value === null || value === '') return '"-"';
  return `"${value.replace(UNSAFE, encodeURIComponent).replace(/\\$/, '%5C')}"`;
}

/** `encodeURIComponent` leaves some characters that are no unreserved ones. */
function key(value: string | null): string {
  if (value === null || value === '') return '-';
  return encodeURIComponent(value)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function time(value: string): string {
  const month = MONTHS[Number(value.slice(5, 7)) - 1] ?? '';
  return `[${value.slice(8, 10)}/${month}/${value.slice(0, 4)}:${value.slice(11, 19)} +0000]`;
}

function number(value: string | number | null): string {
  return value === null ? '-' : String(value);
}
