import type { S3Client } from '@aws-sdk/client-s3';
import type { Settings } from '../config/settings.js';
import { classifyS3Error } from '../destinations/s3/errors.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import { ManifestConflictError, ManifestObjects, type ReadManifest } from './manifest-objects.js';
import {
  manifestKey,
  writtenManifest,
  type ManifestLink,
  type ManifestObject,
  type ManifestTarget,
  type WrittenManifest,
} from './manifest.js';

/** What a run may rely on. */
export interface ManifestContext {
  readonly signal: AbortSignal;
  /** How many ms from now this run is certain to be the only one. */
  readonly leaseRemainingMs: () => number;
}

/** What a run did. */
export interface ManifestRun {
  /** Target prefixes that were looked at. */
  readonly targets: number;
  /** Manifests written. */
  readonly manifests: number;
  /** Objects in them. */
  readonly objects: number;
  /** Targets that did not get theirs. */
  readonly failures: number;
}

/** A target with deliveries that may not be in a manifest, or whose last manifest is recent. */
export interface Chain extends ManifestTarget {
  /** The last manifest; undefined when none is known. */
  readonly head: ManifestLink | undefined;
  /** Whether anything was delivered that may not be in a manifest yet. */
  readonly hasDeliveries: boolean;
}

/** What a pipeline knows of its deliveries and manifests. All of it is durable when a call resolves. */
export interface ManifestBook {
  readonly pipeline: string;
  /** The book's clock, in ms. */
  now(): Promise<number>;
  chains(signal: AbortSignal): Promise<readonly Chain[]>;
  /** The bytes of a manifest; undefined when it is not known. */
  content(target: ManifestTarget, sequence: number, signal: AbortSignal): Promise<string | undefined>;
  /** Delivered objects that no manifest has with the same digest, the first delivered first, at most `limit`. */
  pending(target: ManifestTarget, limit: number, signal: AbortSignal): Promise<readonly ManifestObject[]>;
  /**
   * Writes a manifest down, unless its sequence or a later one is there already, or by the book's clock the deadline
   * has passed.
   *
   * @returns the manifest of that sequence that is there now, whoever has written it; undefined when none is
   */
  append(
    target: ManifestTarget,
    manifest: WrittenManifest,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<WrittenManifest | undefined>;
  /** Writes down a manifest that was found in S3. */
  adopt(target: ManifestTarget, manifest: WrittenManifest, signal: AbortSignal): Promise<void>;
}

/** What writing works with. */
export interface ManifestWriterParts {
  readonly settings: Settings;
  readonly s3: S3Client;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly manifests: ManifestBook;
}

/** Most objects in one manifest: some three megabytes. */
const MOST_OBJECTS = 10_000;
/** Targets that are worked at side by side, so that one that does not answer does not hold up the others. */
const AT_A_TIME = 4;
/** Manifests that are taken over from S3 when ClickHouse has lost them: enough to know what they hold of late. */
const MOST_ADOPTED = 50;

/**
 * Writes the manifests that are due. A target that fails does not keep the others from getting theirs; it is tried
 * again by the next run. The process may die at any moment, and another run may be under way: a manifest gets its
 * sequence and its bytes in the book, which takes one for each sequence, and is then written to S3 with these bytes.
 */
export async function writeManifests(
  parts: ManifestWriterParts,
  context: ManifestContext,
): Promise<ManifestRun> {
  const run = { targets: 0, manifests: 0, objects: 0, failures: 0 };
  const chains = (await parts.manifests.chains(context.signal)).values();
  const work = async (): Promise<void> => {
    for (const chain of chains) {
      context.signal.throwIfAborted();
      // Another run has taken over, or soon will.
      if (context.leaseRemainingMs() <= 0) return;
      await bringUpToDate(parts, chain, context, run);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return run;
}

async function bringUpToDate(
  parts: ManifestWriterParts,
  chain: Chain,
  context: ManifestContext,
  run: { -readonly [Figure in keyof ManifestRun]: ManifestRun[Figure] },
): Promise<void> {
  const { log, metrics } = parts;
  const { bucket, prefix } = chain;
  run.targets += 1;
  try {
    for await (const objects of extend(parts, chain, context)) {
      run.manifests += 1;
      run.objects += objects;
      metrics.manifestsWritten.inc();
    }
  } catch (err) {
    context.signal.throwIfAborted();
    run.failures += 1;
    metrics.manifestFailures.inc();
    const { message } = classifyS3Error(err);
    log.warn({ bucket, prefix, err }, `no manifest could be written; the next run tries again: ${message}`);
  }
}

/** Brings one chain up to date; yields the number of objects of each manifest that it wrote. */
async function* extend(
  parts: ManifestWriterParts,
  chain: Chain,
  context: ManifestContext,
): AsyncGenerator<number> {
  const { manifests: book, settings } = parts;
  const { signal } = context;
  const target: ManifestTarget = { bucket: chain.bucket, prefix: chain.prefix };
  const keyPrefix = settings['manifest.key-prefix'];
  const objects = new ManifestObjects(
    parts.s3,
    target,
    keyPrefix,
    settings['s3.conditional-writes'] !== 'off',
  );
  let head = chain.head;
  if (head !== undefined) await ensureInS3(book, objects, target, head, signal);
  if (!chain.hasDeliveries) return;
  let isWhole = false;
  for (;;) {
    const pending = await book.pending(target, MOST_OBJECTS, signal);
    if (pending.length === 0) return;
    if (!isWhole) {
      const known = head;
      head = await takeOver(book, objects, target, known, keyPrefix, signal);
      isWhole = true;
      if (head !== known) continue;
    }
    // The clock first: the lease that remains is counted from a later moment, never from an earlier one.
    const nowMs = await book.now();
    const deadlineMs = nowMs + context.leaseRemainingMs();
    const draft = { ...target, pipeline: book.pipeline, previous: head, objects: pending };
    const wanted = writtenManifest({ ...draft, createdAt: new Date(nowMs).toISOString() }, keyPrefix);
    const written = await book.append(target, wanted, deadlineMs, signal);
    if (written === undefined) {
      if (context.leaseRemainingMs() <= 0) return;
      throw new Error(`manifest ${wanted.key} could not be written down before the lease ended`);
    }
    await objects.ensure(written, () => Promise.resolve(written.content), signal);
    head = written;
    // What another run has written instead may hold other objects: look again.
    if (written.sha256 !== wanted.sha256) continue;
    yield pending.length;
    if (pending.length < MOST_OBJECTS) return;
  }
}

/** An earlier run may have ended between the book and S3. */
async function ensureInS3(
  book: ManifestBook,
  objects: ManifestObjects,
  target: ManifestTarget,
  head: ManifestLink,
  signal: AbortSignal,
): Promise<void> {
  const content = async (): Promise<string> => {
    const found = await book.content(target, head.sequence, signal);
    if (found === undefined) throw new Error(`manifest ${head.key} has left the book meanwhile`);
    return found;
  };
  await objects.ensure(head, content, signal);
}

/**
 * When S3 has manifests that the book does not have, since its table was lost or is an older copy, the chain goes on
 * from them.
 *
 * @returns the last manifest of the chain
 * @throws {ManifestConflictError} when what S3 has is no continuation of what the book has
 */
async function takeOver(
  book: ManifestBook,
  objects: ManifestObjects,
  target: ManifestTarget,
  head: ManifestLink | undefined,
  keyPrefix: string,
  signal: AbortSignal,
): Promise<ManifestLink | undefined> {
  const { prefix } = target;
  const known = head?.sequence ?? 0;
  if (head !== undefined && !(await objects.has(manifestKey(prefix, keyPrefix, known + 1), signal)))
    return head;
  const unknown = (await objects.sequences(signal)).filter((sequence) => sequence > known);
  const found: ReadManifest[] = [];
  let before = unknown.at(-MOST_ADOPTED) === known + 1 ? head : undefined;
  for (const sequence of unknown.slice(-MOST_ADOPTED)) {
    const key = manifestKey(prefix, keyPrefix, sequence);
    const manifest = await objects.read(sequence, key, signal);
    if (manifest === undefined || !follows(manifest, target, before))
      throw new ManifestConflictError(target.bucket, key);
    found.push(manifest);
    before = manifest;
  }
  // The last one first: whatever the moment at which this ends, the book never takes an earlier one for the last.
  for (const manifest of found.toReversed()) await book.adopt(target, manifest, signal);
  return found.at(-1) ?? head;
}

/** Tells whether a manifest is one of this target, and names the one before it, if that is known. */
function follows(
  { manifest, sequence }: ReadManifest,
  { bucket, prefix }: ManifestTarget,
  before: ManifestLink | undefined,
): boolean {
  if (manifest?.bucket !== bucket || manifest.prefix !== prefix || manifest.sequence !== sequence)
    return false;
  return before === undefined || manifest.previous?.sha256 === before.sha256;
}
