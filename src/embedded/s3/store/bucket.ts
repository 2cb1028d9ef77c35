import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { headSchema, type Head } from './head.js';
import { isContentName, type Layout } from './layout.js';
import { SortedKeys } from './sorted-keys.js';

/** A bucket, whose heads are all in memory. */
export interface Bucket {
  readonly name: string;
  /** ISO 8601. */
  readonly created: string;
  readonly heads: Map<string, Head>;
  readonly keys: SortedKeys;
  /** Changes of objects that are under way: the bucket cannot be deleted meanwhile. */
  changes: number;
}

/** Whether a name is allowed (Amazon S3 User Guide, "General purpose buckets naming rules"). */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name)
  );
}

/** Folder of a bucket's contents. */
export function contentFolder(layout: Layout, bucket: string): string {
  return join(layout.objects, bucket);
}

/** Folder of a bucket's head files. */
export function headFolder(layout: Layout, bucket: string): string {
  return join(layout.heads, bucket);
}

/** Reads all buckets, and removes the contents that a killed process left without a head. */
export function loadBuckets(layout: Layout): Map<string, Bucket> {
  const names = readdirSync(layout.objects, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isBucketName(entry.name))
    .map((entry) => entry.name);
  return new Map(names.map((name) => [name, loadBucket(layout, name)]));
}

function loadBucket(layout: Layout, name: string): Bucket {
  const heads = loadHeads(headFolder(layout, name));
  const folder = contentFolder(layout, name);
  const files = new Set([...heads.values()].map(({ file }) => file));
  for (const file of readdirSync(folder)) {
    if (isContentName(file) && !files.has(file)) rmSync(join(folder, file));
  }
  const created = statSync(folder).birthtime.toISOString();
  return { name, created, heads, keys: new SortedKeys(heads.keys()), changes: 0 };
}

function loadHeads(folder: string): Map<string, Head> {
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return new Map(
    files.map((file) => {
      const head = headSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
      return [head.key, head];
    }),
  );
}
