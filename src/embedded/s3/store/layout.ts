import { createHash, randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeUri } from '../http/target.js';

/** Longest beginning of a key in the name of its content file. Linux takes names of 255 bytes. */
const READABLE_CHARACTERS = 180;

/** Where everything lies. All folders must be of one file system. */
export interface Layout {
  /** A folder a bucket, for people too: the contents of objects under their percent-encoded keys. */
  readonly objects: string;
  /** A folder a bucket: what is known of each object, and which content file is its own. */
  readonly heads: string;
  /** A folder an upload in progress. */
  readonly uploads: string;
  /** Files that are being written. What lies here at a start is thrown away. */
  readonly incoming: string;
  readonly journal: string;
}

/** @param directory of the engine; @param objects name of the folder for objects */
export function layoutOf(directory: string, objects: string): Layout {
  return {
    objects: join(directory, objects),
    heads: join(directory, 'heads'),
    uploads: join(directory, 'uploads'),
    incoming: join(directory, 'incoming'),
    journal: join(directory, 'journal.jsonl'),
  };
}

/** Sixteen random hex digits. */
export function randomId(): string {
  return randomBytes(8).toString('hex');
}

/** A name for a new content of a key, which no other content has. */
export function contentName(key: string): string {
  const readable = encodeUri(key)
    .slice(0, READABLE_CHARACTERS)
    .replace(/%[0-9A-F]?$/, '');
  return `${readable}~${randomId()}`;
}

/** Whether a file is a content, and not something that a person put beside the contents. */
export function isContentName(name: string): boolean {
  return /~[0-9a-f]{16}$/.test(name);
}

/** Name of the head file of a key. Keys are longer than file names can be, so that it is a hash. */
export function headName(key: string): string {
  return `${createHash('sha256').update(key).digest('hex')}.json`;
}

/** Writes a file at once: whoever reads it finds the old or the new one, also after a SIGKILL. */
export async function writeJson(layout: Layout, path: string, value: unknown): Promise<void> {
  const draft = join(layout.incoming, randomId());
  await writeFile(draft, JSON.stringify(value));
  await rename(draft, path);
}
