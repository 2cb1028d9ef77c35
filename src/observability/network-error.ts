import { isError } from './is-error.js';

/** Codes of errors that come from the network or the resolver, not from the program at the other end. */
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_SOCKET',
]);

/** The code of an error that came from the network, such as ECONNREFUSED; undefined for every other error. */
export function networkErrorCode(error: unknown): string | undefined {
  if (!isError(error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return CODES.has(error.code) ? error.code : undefined;
}
