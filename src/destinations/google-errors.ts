import { z } from 'zod';
import { isError } from '../observability/is-error.js';
import { networkErrorCode } from '../observability/network-error.js';
import { StoreError } from './errors.js';

/** What is known of an error of Google's client libraries. */
export interface GoogleFailure {
  /** Google's reason such as `notFound`, or the code of the network error. */
  readonly code: string;
  /** HTTP status of the answer, if there was one. */
  readonly status: number | undefined;
  readonly permanent: boolean;
  readonly away: boolean;
  readonly message: string;
}

/**
 * Reasons that pass by themselves, whatever the status says.
 * https://cloud.google.com/bigquery/docs/error-messages
 */
const PASSING = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'quotaExceeded',
  'backendError',
  'internalError',
  'jobBackendError',
  'jobInternalError',
  'jobRateLimitExceeded',
  'resourcesExceeded',
  'stopped',
  'timeout',
]);
/** Statuses after which no retry helps until somebody changes something. */
const PERMANENT = new Set([400, 401, 403, 404, 405, 413]);

/** Reasons as Google names them, for answers that give none. */
const REASONS: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  429: 'rateLimitExceeded',
  500: 'internalError',
  503: 'backendError',
};

/** Texts of errors for which the libraries have no code: a connection that broke off, or never stood. */
const BROKEN =
  /ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|socket hang up|premature close/i;
/** Credentials that are none: nothing was sent. */
const NO_CREDENTIALS =
  /could not load the default credentials|invalid_grant|unable to detect a project id|does not exist, or it is not a file/i;

const shape = z.object({
  code: z.union([z.number(), z.string()]).optional().catch(undefined),
  errors: z
    .array(z.object({ reason: z.string().optional() }))
    .optional()
    .catch(undefined),
  response: z
    .object({ status: z.number().optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

/** Classifies what a client library of Google threw; undefined for what does not come from there. */
export function classifyGoogleError(error: unknown): GoogleFailure | undefined {
  if (!isError(error)) return undefined;
  const given = shape.parse(error);
  const status = statusOf(given.code) ?? given.response?.status;
  const reason = given.errors?.find((one) => one.reason !== undefined)?.reason;
  const network = networkErrorCode(error) ?? networkErrorCode(error.cause) ?? brokenIn(error.message);
  if (status === undefined && network !== undefined)
    return { code: network, status, permanent: false, away: true, message: error.message };
  if (NO_CREDENTIALS.test(error.message))
    return { code: 'NoCredentials', status, permanent: true, away: false, message: error.message };
  if (status === undefined && reason === undefined) return undefined;
  const permanent = reason !== undefined && PASSING.has(reason) ? false : PERMANENT.has(status ?? 0);
  const message = status === undefined ? error.message : `HTTP ${String(status)}: ${error.message}`;
  const code = reason ?? REASONS[status ?? 0] ?? `HTTP${String(status)}`;
  return { code, status, permanent, away: false, message };
}

/** Tells whether a reason that Google gives passes by itself. */
export function isPassing(reason: string): boolean {
  return PASSING.has(reason);
}

/** An error of a client library as one of ours; all others as they are. */
export function googleError(store: 'gcs' | 'bigquery', doing: string, error: unknown, advice = ''): unknown {
  const failure = classifyGoogleError(error);
  if (failure === undefined) return error;
  const { code, permanent, away, message } = failure;
  const who = store === 'gcs' ? 'Google Cloud Storage' : 'BigQuery';
  const said = away ? `no answer from ${who} (${message})` : `${who} answered ${message}`;
  const answer = permanent && advice !== '' ? `${said}; ${advice}` : said;
  return new StoreError({ store, doing, code, permanent, away, answer }, { cause: error });
}

function statusOf(code: number | string | undefined): number | undefined {
  const status = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof status === 'number' && status >= 100 && status < 600 ? status : undefined;
}

function brokenIn(message: string): string | undefined {
  const found = BROKEN.exec(message)?.[0];
  return found === undefined ? undefined : /^E[A-Z_]+$/.test(found) ? found : 'ECONNRESET';
}
