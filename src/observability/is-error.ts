import { isNativeError } from 'node:util/types';

/**
 * Tells an error from everything else that can be thrown. Errors of Node.js itself are of another realm than ours
 * under test runners, where `instanceof` does not see them.
 */
export function isError(thrown: unknown): thrown is Error {
  return isNativeError(thrown) || thrown instanceof Error;
}
