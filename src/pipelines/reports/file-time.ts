/** Bytes of a time in a name. */
const LENGTH = '2006-01-02T15-04-05.000Z'.length;

/**
 * A time as names of files and segments have it, `2006-01-02T15-04-05.000Z`: ISO 8601 in UTC without colons, which some
 * file systems do not take. Names that begin with it sort by time.
 *
 * @param ms since 1970
 */
export function timeInName(ms: number): string {
  return new Date(ms).toISOString().replaceAll(':', '-');
}

/**
 * Reads the time that a text begins with.
 *
 * @returns ms since 1970; NaN when it is none
 */
export function msOfTimeInName(text: string): number {
  const [day = '', clock = ''] = text.slice(0, LENGTH).split('T');
  return Date.parse(`${day}T${clock.replaceAll('-', ':')}`);
}
