import type { DeliveredObject, Failure } from './pipeline.js';

/** One target of an order that could not be delivered to. */
export interface TargetFailure {
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
    return { code: first?.code ?? 'Unknown', reason: this.message, objects: this.objects };
  }
}

/** Describes any error as a failure, for the order book and the board. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DeliveryError) return error.toFailure();
  const reason = error instanceof Error ? error.message : String(error);
  return { code: error instanceof Error ? error.name : 'Unknown', reason, objects: [] };
}
