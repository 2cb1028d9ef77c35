import { z } from 'zod';

/** What is known of an object, as it stands in its head file. */
export const headSchema = z.object({
  key: z.string(),
  /** Name of its content file in the bucket's folder; a new one for every version. */
  file: z.string(),
  bytes: z.number(),
  /** Without quotes. */
  etag: z.string(),
  /** ISO 8601. */
  lastModified: z.string(),
  /** The headers that were sent with it and that are given back with it. */
  headers: z.record(z.string(), z.string()),
  /** In Base64, with the number of parts after a hyphen when it came in parts; null when nobody asked for it. */
  sha256: z.string().nullable(),
  /** The multipart upload that made it; null for a PUT. */
  upload: z.string().nullable(),
});

/** What is known of an object. */
export type Head = z.infer<typeof headSchema>;

/** An object that is about to be put: its content lies in a file that will be moved. */
export interface Draft extends Omit<Head, 'file' | 'lastModified'> {
  readonly path: string;
}
