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
 * Like {@link wholeNumber}, but not 0.
 *
 * @throws {InvalidArgumentError} which commander reports with the flag's name
 */
export function positiveNumber(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('Give a whole number of at least 1.');
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
