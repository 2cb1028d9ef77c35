import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../../destinations/files/errors.js';
import { isSealedSegment } from './segment-names.js';

/** How full a spool is. */
export interface SpoolFill {
  readonly bytes: number;
  /** When the oldest segment in it was begun, ms since 1970; null when there is none. */
  readonly oldestMs: number | null;
  readonly segments: number;
}

/** Looks at what waits in a spool: sealed segments, and files that were taken in. */
export async function measure(directory: string): Promise<SpoolFill> {
  let [bytes, segments] = [0, 0];
  let oldestMs: number | null = null;
  for (const name of await readdir(directory)) {
    if (!isSealedSegment(name)) continue;
    const size = await sizeOf(join(directory, name));
    if (size === undefined) continue;
    bytes += size;
    segments += 1;
    const begunMs = timeOf(name);
    if (!Number.isNaN(begunMs)) oldestMs = oldestMs === null ? begunMs : Math.min(oldestMs, begunMs);
  }
  for (const name of await namesIn(join(directory, 'files')))
    bytes += (await sizeOf(join(directory, 'files', name))) ?? 0;
  return { bytes, oldestMs, segments };
}

/** The time in a segment's name, ms since 1970. */
function timeOf(name: string): number {
  const [day = '', rest = ''] = name.slice(0, '2006-01-02T15-04-05.000Z'.length).split('T');
  return Date.parse(`${day}T${rest.replaceAll('-', ':')}`);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined when it is gone: it was delivered meanwhile. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
