/** HTTP statuses of ClickHouse's error codes (its exceptionCodeToHTTPStatus.cpp); all others are 500. */
const CODES_OF_STATUS: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [400, [6, 8, 15, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 117, 247, 321, 376, 427, 441, 442]],
  [404, [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336]],
  [408, [159]],
  [413, [191]],
  [501, [48]],
  [503, [76, 209, 439]],
];

const STATUS_OF_CODE = new Map(
  CODES_OF_STATUS.flatMap(([status, codes]) => codes.map((code) => [code, status])),
);

/** ClickHouse's error code for arguments that make no sense. */
export const BAD_ARGUMENTS = 36;
/** ClickHouse's error code for a body that is larger than the server takes. */
export const QUERY_IS_TOO_LARGE = 191;
/** ClickHouse's error code for a query that was cancelled. */
export const QUERY_WAS_CANCELLED = 394;
/** ClickHouse's error code for an exception that is none of its own. */
export const STD_EXCEPTION = 1001;

/** A query that failed, with the text and the code that ClickHouse's HTTP interface sends. */
export class QueryError extends Error {
  override readonly name = 'QueryError';

  /**
   * @param code ClickHouse's error code
   * @param text the whole text, beginning with `Code: …`
   */
  constructor(
    readonly code: number,
    text: string,
    options?: ErrorOptions,
  ) {
    super(text, options);
  }

  /** The HTTP status that ClickHouse answers with when nothing has been sent yet. */
  get status(): number {
    return STATUS_OF_CODE.get(this.code) ?? 500;
  }
}

/** An error of this server's own, in the words and the form of ClickHouse. */
export function ownError(code: number, name: string, message: string, cause?: unknown): QueryError {
  return new QueryError(code, `Code: ${code}. DB::Exception: ${message} (${name})`, { cause });
}

/** The error that the text of an engine's exception stands for. */
export function engineError(text: string): QueryError {
  const code = /Code: (\d+)\./.exec(text)?.[1];
  if (code === undefined) return ownError(STD_EXCEPTION, 'STD_EXCEPTION', text);
  return new QueryError(Number(code), text);
}
