import {
  ClickHouseTruncatedError,
  ClickHouseUnreachableError,
  isConnectionError,
} from '../clickhouse/errors.js';
import { isS3Unreachable } from '../destinations/s3/errors.js';
import type { DeliveredObject, Failure } from './pipeline.js';

/** One target of an order that could not be delivered to. */
export interface TargetFailure {
  /** What could not be delivered to. */
  readonly target: string;
  /** S3 error code such as `NoSuchBucket`, or a name of our own. */
  readonly code: string;
  /** True when no retry can help until somebody changes something. */
  readonly permanent: boolean;
  readonly message: string;
  readonly cause: unknown;
}

/**
 * An order was not delivered, or not to all of its targets. Permanent when every target's failure is: as long as
 * one of them may pass by itself, the order is worth a retry.
 */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  readonly permanent: boolean;

  /**
   * @param failures at least one
   * @param objects what did arrive
   */
  constructor(
    readonly failures: readonly TargetFailure[],
    readonly objects: readonly DeliveredObject[] = [],
  ) {
    super(failures.map((failure) => failure.message).join('; '), { cause: failures[0]?.cause });
    this.permanent = failures.every((failure) => failure.permanent);
  }

  /** The failure as the order book keeps it: the first permanent one names the code. */
  toFailure(): Failure {
    const first = this.failures.find((failure) => failure.permanent) ?? this.failures[0];
    const targets = [...new Set(this.failures.map(({ target }) => target))].sort();
    return { code: first?.code ?? 'Unknown', reason: this.message, targets, objects: this.objects };
  }
}

/** Describes any error as a failure, for the order book and the board. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DeliveryError) return error.toFailure();
  const reason = error instanceof Error ? error.message : String(error);
  return { code: error instanceof Error ? error.name : 'Unknown', reason, objects: [] };
}

/** A destination answered that something which was asked of it cannot be done. */
export class DestinationError extends Error {
  override readonly name = 'DestinationError';

  /** @param answer what it answered, fit for people */
  constructor(answer: string, options: ErrorOptions) {
    super(`the destination answered ${answer}`, options);
  }
}

/** An order that somebody names is in no order book. */
export class NoSuchOrderError extends Error {
  override readonly name = 'NoSuchOrderError';

  /** @param id what was given as the order's id */
  constructor(id: string) {
    super(
      `there is no work order ${JSON.stringify(id)} in the order book: its id is 16 hex digits, as the board shows it ` +
        'behind order-, and the book forgets orders after order-book.retention-days',
    );
  }
}

/** An order that is to be given up has been delivered: there is nothing to give up. */
export class AlreadyDeliveredError extends Error {
  override readonly name = 'AlreadyDeliveredError';

  /** @param id the order's id */
  constructor(id: string) {
    super(`work order ${id} is delivered; there is nothing to give up`);
  }
}

/**
 * Looks for the engine that is away in an error of a delivery, and in the failure of each of its targets.
 *
 * @param away says it of one error that is no {@link DeliveryError}
 * @returns the first; undefined when no engine is away by what the error says
 */
export function engineAwayIn<Engine extends string>(
  error: unknown,
  away: (error: unknown) => Engine | undefined,
): Engine | undefined {
  if (!(error instanceof DeliveryError)) return away(error);
  return error.failures.map(({ cause }) => engineAwayIn(cause, away)).find((engine) => engine !== undefined);
}

/**
 * The one of ClickHouse and S3 that an error speaks of as not to be reached, or broken off in mid-answer.
 *
 * @returns undefined for an answer of the engine, and for all other errors
 */
export function engineAwayOf(error: unknown): 'clickhouse' | 's3' | undefined {
  return engineAwayIn(error, clickHouseOrS3Away);
}

function clickHouseOrS3Away(error: unknown): 'clickhouse' | 's3' | undefined {
  if (error instanceof ClickHouseUnreachableError) return 'clickhouse';
  if (error instanceof ClickHouseTruncatedError)
    return isConnectionError(error.cause) ? 'clickhouse' : undefined;
  return isS3Unreachable(error) ? 's3' : undefined;
}
