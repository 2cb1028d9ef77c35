/** What answers, or does not, behind a {@link StoreError}. */
export type StoreKind = 'files' | 's3' | 'gcs' | 'bigquery' | 'clickhouse';

/** What a destination answered, classified. */
export interface StoreAnswer {
  readonly store: StoreKind;
  /** What was being done, in words, such as `write 2026/a.avro to /var/archive`. */
  readonly doing: string;
  /** The store's own code, such as `NoSuchBucket` or `ENOSPC`. */
  readonly code: string;
  /** True when no retry helps until somebody changes something. */
  readonly permanent: boolean;
  /** True when the destination as a whole cannot be used now: that says nothing about what was to be done. */
  readonly away: boolean;
  /** The answer in words, with what can be done about it. */
  readonly answer: string;
}

/** A destination could not do what was asked of it. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly store: StoreKind;
  readonly code: string;
  readonly permanent: boolean;
  readonly away: boolean;

  constructor({ store, doing, code, permanent, away, answer }: StoreAnswer, options?: ErrorOptions) {
    super(`${doing}: ${answer}`, options);
    this.store = store;
    this.code = code;
    this.permanent = permanent;
    this.away = away;
  }
}

/** The destination that an error speaks of as not to be used now; undefined for all other errors. */
export function storeAwayOf(error: unknown): StoreKind | undefined {
  return error instanceof StoreError && error.away ? error.store : undefined;
}
