import { z } from 'zod';

/** A DATETIME in UTC, as the database writes it, as ISO 8601 with milliseconds. */
export function isoOf(time: string): string {
  return `${time.replace(' ', 'T').padEnd(19, '0').slice(0, 19)}.${(time.split('.')[1] ?? '').slice(0, 3).padEnd(3, '0')}Z`;
}

/** ISO 8601 as a DATETIME in UTC. */
export function sqlTimeOf(iso: string): string {
  return iso.replace('T', ' ').replace('Z', '');
}

/** A DATETIME column, read as ISO 8601. */
export const timeColumn = z.string().transform(isoOf);

/** Microseconds since 1970, as ISO 8601 with milliseconds. */
export function isoOfMicros(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString();
}
