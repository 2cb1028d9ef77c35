import { InvalidArgumentError } from 'commander';
import { DurationError, parseDuration } from './duration.js';

/**
 * Reads the value of a flag that takes a whole number.
 *
 * @throws {InvalidArgumentError} which commander reports with the flag's name
 */
export function wholeNumber(text: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('Give a whole number.');
  return value;
}

/**
 * Reads the value of a flag that takes a duration such as `15m`.
 *
 * @returns seconds
 * @throws {InvalidArgumentError} which commander reports with the flag's name
 */
export function durationSeconds(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof DurationError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
