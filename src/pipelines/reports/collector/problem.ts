/** Why a request was refused: for metrics, and for programs that read the answer. */
export type RefusalCode =
  | 'bad-json'
  | 'bad-request'
  | 'bad-encoding'
  | 'no-token'
  | 'wrong-token'
  | 'not-found'
  | 'wrong-method'
  | 'too-large'
  | 'too-deep'
  | 'unsupported-type'
  | 'unsupported-encoding'
  | 'schema'
  | 'key-reused'
  | 'rate-limit'
  | 'busy'
  | 'spool-full'
  | 'disk'
  | 'shutdown'
  | 'internal';

const STATUS: Readonly<Record<RefusalCode, number>> = {
  'bad-json': 400,
  'bad-request': 400,
  'bad-encoding': 400,
  'no-token': 401,
  'wrong-token': 401,
  'not-found': 404,
  'wrong-method': 405,
  'too-large': 413,
  'too-deep': 400,
  'unsupported-type': 415,
  'unsupported-encoding': 415,
  schema: 422,
  'key-reused': 422,
  'rate-limit': 429,
  busy: 503,
  'spool-full': 503,
  disk: 503,
  shutdown: 503,
  internal: 500,
};

const TITLE: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  413: 'Content too large',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Service unavailable',
};

/** A request is refused; nothing of it is stored. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  /**
   * @param detail what is wrong, fit for whoever sent it
   * @param retryAfterSeconds when it may be tried again, where that helps
   */
  constructor(
    readonly code: RefusalCode,
    detail: string,
    readonly retryAfterSeconds?: number,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.status = STATUS[code];
  }

  /** The answer's body, of the type application/problem+json (RFC 9457); `code` tells programs what it is. */
  toProblem(): string {
    const { status, code, message: detail } = this;
    return JSON.stringify({ type: 'about:blank', title: TITLE[status] ?? 'Error', status, code, detail });
  }
}
