import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Version of the format; docs/manifests.md describes it. */
const VERSION = 1;
/** Digits of a sequence in a key, so that a listing has the manifests in their order. */
const SEQUENCE_DIGITS = 12;
/** Content type of a manifest. */
export const MANIFEST_CONTENT_TYPE = 'application/json';

/** Bytes that are no UTF-8 are no manifest: they could not be kept as text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);

const manifestObjectSchema = z.object({
  key: z.string(),
  records: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  sha256: digestSchema,
  order: z.string(),
  source: z.string(),
  deliveredAt: z.iso.datetime(),
  replaces: digestSchema.optional(),
});

const manifestSchema = z.object({
  version: z.literal(VERSION),
  pipeline: z.string(),
  bucket: z.string(),
  prefix: z.string(),
  sequence: z.int().positive(),
  createdAt: z.iso.datetime(),
  previous: z.object({ key: z.string(), sha256: digestSchema }).nullable(),
  objects: z.array(manifestObjectSchema),
});

/** One delivered object in a manifest; `replaces` is the digest that an earlier manifest gives for the same key. */
export type ManifestObject = z.infer<typeof manifestObjectSchema>;

/** What was delivered to one target prefix, and which manifest comes before. */
export type Manifest = z.infer<typeof manifestSchema>;

/** Where the objects go that one chain of manifests tells of. */
export interface ManifestTarget {
  readonly bucket: string;
  readonly prefix: string;
}

/** A manifest as it stands in S3: what the next one names. */
export interface ManifestLink {
  readonly sequence: number;
  readonly key: string;
  /** SHA-256 of its bytes, hex. */
  readonly sha256: string;
}

/** What a key of a manifest is made of: `<target prefix><manifest.key-prefix><sequence>.json`. */
export function manifestKey(prefix: string, keyPrefix: string, sequence: number): string {
  return `${prefix}${keyPrefix}${String(sequence).padStart(SEQUENCE_DIGITS, '0')}.json`;
}

/** The sequence in a manifest's key; undefined when the key is none of this chain. */
export function sequenceOf(key: string, prefix: string, keyPrefix: string): number | undefined {
  const start = prefix + keyPrefix;
  if (!key.startsWith(start)) return undefined;
  const name = /^(\d{12})\.json$/.exec(key.slice(start.length));
  const sequence = Number(name?.[1] ?? 0);
  return sequence > 0 ? sequence : undefined;
}

/** What a new manifest is made of. */
export interface ManifestDraft extends ManifestTarget {
  readonly pipeline: string;
  readonly createdAt: string;
  readonly previous: ManifestLink | undefined;
  readonly objects: readonly ManifestObject[];
}

/** A manifest that has its bytes. */
export interface WrittenManifest extends ManifestLink {
  readonly content: string;
}

/** Makes the bytes of a manifest: one JSON object, its objects in the order given. */
export function writtenManifest(draft: ManifestDraft, keyPrefix: string): WrittenManifest {
  const { pipeline, bucket, prefix, createdAt, previous, objects } = draft;
  const sequence = (previous?.sequence ?? 0) + 1;
  const manifest: Manifest = {
    version: VERSION,
    pipeline,
    bucket,
    prefix,
    sequence,
    createdAt,
    previous: previous === undefined ? null : { key: previous.key, sha256: previous.sha256 },
    objects: [...objects],
  };
  const content = `${JSON.stringify(manifest)}\n`;
  return { sequence, key: manifestKey(prefix, keyPrefix, sequence), sha256: sha256Of(content), content };
}

/** Reads the bytes of a manifest; undefined when they are none. */
export function parseManifest(content: Uint8Array | string): Manifest | undefined {
  try {
    const text = typeof content === 'string' ? content : UTF8.decode(content);
    return manifestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** SHA-256 of bytes, hex. */
export function sha256Of(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Up to when the objects of a chain are known to be in its manifests: the last delivery in the manifest, but never a
 * time beyond its own, whatever the clock of the process said that delivered.
 */
export function coveredTo({ createdAt, objects }: Pick<Manifest, 'createdAt' | 'objects'>): string {
  const last = Math.max(...objects.map(({ deliveredAt }) => Date.parse(deliveredAt)));
  return new Date(Math.min(Number.isFinite(last) ? last : 0, Date.parse(createdAt))).toISOString();
}
