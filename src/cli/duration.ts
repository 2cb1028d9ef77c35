const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A text is no duration. */
export class DurationError extends Error {
  override readonly name = 'DurationError';

  /** @param text what was given */
  constructor(readonly text: string) {
    super(
      `${JSON.stringify(text)} is no duration; give a whole number with s, m, h or d behind it, e.g. 90s, 15m, 1h or 3d`,
    );
  }
}

/**
 * Reads a duration such as `90s`, `15m`, `1h` or `3d`.
 *
 * @returns seconds
 * @throws {DurationError} when it is none, or too long to count in seconds
 */
export function parseDuration(text: string): number {
  const { count, unit } = /^(?<count>\d+)(?<unit>[smhd])$/.exec(text.trim())?.groups ?? {};
  const seconds = Number(count) * (SECONDS_PER_UNIT[unit ?? ''] ?? Number.NaN);
  if (!Number.isSafeInteger(seconds)) throw new DurationError(text);
  return seconds;
}
