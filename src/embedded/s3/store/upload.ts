import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Layout } from './layout.js';

/** Name of the file that makes a folder an upload in progress. */
export const UPLOAD_FILE = 'upload.json';

const uploadSchema = z.object({
  id: z.string(),
  bucket: z.string(),
  key: z.string(),
  /** ISO 8601. */
  initiated: z.string(),
  /** The headers that go to the object. */
  headers: z.record(z.string(), z.string()),
  /** The object is to have a SHA-256, made from those of its parts. */
  wantsSha256: z.boolean(),
});

const partSchema = z.object({
  number: z.number(),
  /** Name of its content file in the upload's folder. */
  file: z.string(),
  bytes: z.number(),
  /** In hex. */
  md5: z.string(),
  /** In Base64; null when nobody asked for it. */
  sha256: z.string().nullable(),
  /** ISO 8601. */
  lastModified: z.string(),
});

/** A part of an upload. */
export type Part = z.infer<typeof partSchema>;

/** What an upload is begun with. */
export type UploadRecord = z.infer<typeof uploadSchema>;

/** A multipart upload in progress. */
export interface Upload extends UploadRecord {
  readonly parts: Map<number, Part>;
}

/** A part that is about to be put: its content lies in a file that will be moved. */
export interface PartDraft extends Omit<Part, 'file' | 'lastModified'> {
  readonly path: string;
}

/** Folder of an upload. */
export function uploadFolder(layout: Layout, id: string): string {
  return join(layout.uploads, id);
}

/** Name of the file that says what a part is. */
export function partName(number: number): string {
  return `${number}.json`;
}

/**
 * Reads all uploads in progress, and removes what is left of others.
 *
 * @param isOpen whether an upload that is still there has not made its object yet
 */
export function loadUploads(layout: Layout, isOpen: (upload: UploadRecord) => boolean): Map<string, Upload> {
  const uploads = new Map<string, Upload>();
  for (const id of readdirSync(layout.uploads)) {
    const folder = uploadFolder(layout, id);
    const file = join(folder, UPLOAD_FILE);
    const record = existsSync(file) ? uploadSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
    if (record !== undefined && isOpen(record)) uploads.set(id, { ...record, parts: loadParts(folder) });
    else rmSync(folder, { recursive: true });
  }
  return uploads;
}

function loadParts(folder: string): Map<number, Part> {
  const files = readdirSync(folder);
  const parts = files
    .filter((file) => file.endsWith('.json') && file !== UPLOAD_FILE)
    .map((file) => partSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))));
  const known = new Set(parts.map(({ file }) => file));
  for (const file of files.filter((one) => !one.endsWith('.json') && !known.has(one)))
    rmSync(join(folder, file));
  return new Map(parts.map((part) => [part.number, part]));
}
