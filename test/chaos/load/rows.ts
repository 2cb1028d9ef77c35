import type { Random } from '../random.js';
import { TURN_SECONDS, type LoadSource } from './sources.js';

/** One row of the logs table; what is missing takes its default, insertedAt ClickHouse's clock. */
export interface LogRow {
  readonly insertedAt?: number;
  readonly startTime: string;
  readonly bucketName: string;
  readonly raftSessionID: number;
  readonly req_id: string;
  readonly loggingEnabled: boolean;
  readonly loggingTargetBucket: string;
  readonly loggingTargetPrefix: string;
  readonly [column: string]: unknown;
}

/** How to make rows. */
export interface RowOptions {
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** How long ago the rows pretend to have been inserted; 0 leaves that to ClickHouse. */
  readonly lateSeconds: number;
  /** Makes a request id that no other record has. */
  readonly nextId: () => string;
}

/** Makes rows of one source. */
export function rowsOf(
  source: LoadSource,
  random: Random,
  { count, nowMs, lateSeconds, nextId }: RowOptions,
): LogRow[] {
  const at = nowMs - lateSeconds * 1000;
  const turn = Math.floor(at / 1000 / TURN_SECONDS) % source.targets.length;
  const target = source.targets[turn] ?? source.targets[0];
  return Array.from({ length: count }, () => ({
    ...(lateSeconds === 0 ? {} : { insertedAt: Math.floor(at / 1000) }),
    startTime: new Date(at - random.integer(0, 900)).toISOString(),
    bucketName: source.bucket,
    raftSessionID: source.raftSession,
    req_id: nextId(),
    operation: 'REST.GET.OBJECT',
    requestURI: 'GET /chaos HTTP/1.1',
    objectKey: 'chaos',
    httpCode: random.pick([200, 206, 404]),
    bytesSent: random.integer(0, 1_000_000),
    userAgent: 'x'.repeat(source.padding === 0 ? 12 : source.padding),
    loggingEnabled: random.chance(source.logged),
    loggingTargetBucket: target.bucket,
    loggingTargetPrefix: target.prefix,
  }));
}
