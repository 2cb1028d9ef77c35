import type { S3Client } from '@aws-sdk/client-s3';
import { checkChain, type ChainLink, type ChainOptions, type Problem } from './manifest-chain.js';
import { compareWithEntry, lookAtObject, mayBeNewer } from './manifest-entry.js';
import { ManifestObjects, type ReadManifest } from './manifest-objects.js';
import { manifestKey, type ManifestLink, type ManifestObject } from './manifest.js';

/** What to verify, and how. */
export interface VerifyOptions extends ChainOptions {
  /** Ask for the sizes of the objects only, and do not read them. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  /** Told how many objects were looked at, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was found. */
export interface Verification {
  readonly bucket: string;
  readonly prefix: string;
  /** Manifests of the chain that were looked at. */
  readonly manifests: number;
  /** Objects that are as their latest entry says. */
  readonly objects: number;
  /** Records in them. */
  readonly records: number;
  /** Objects that seem to be delivered again since the last manifest: they are not verified. */
  readonly newer: number;
  readonly ok: boolean;
  /** The last manifest; its digest is what a later verification can be told to expect. */
  readonly head?: ManifestLink;
  /** The first thing that does not fit. */
  readonly problem?: Problem;
}

/** Objects that are read at the same time. */
const AT_A_TIME = 8;

/**
 * The order book has a delivery some time after S3 has the object: after all objects of its order, and after a retry
 * if one of them failed. So what may be newer than the last manifest begins this long before it, in ms.
 */
const IN_FLIGHT_MS = 3_600_000;

/** A chain as it was read, without the objects of its manifests. */
interface ReadChain {
  readonly links: readonly ChainLink[];
  /** Sequence of the manifest that has the latest entry of each object. */
  readonly latest: ReadonlyMap<string, number>;
  /** When the last manifest was made, ISO 8601. */
  readonly createdAt: string;
}

/** Counts of what fits, while it is verified. */
interface Tally {
  objects: number;
  records: number;
  newer: number;
}

/**
 * Verifies the chain of manifests of a target prefix and the objects that they name, with S3 alone.
 *
 * Memory: one manifest at a time, and the key of each object that any of them names.
 *
 * @throws what the AWS SDK throws
 */
export async function verifyManifests(client: S3Client, options: VerifyOptions): Promise<Verification> {
  const { bucket, prefix, keyPrefix } = options;
  const manifests = new ManifestObjects(client, { bucket, prefix }, keyPrefix);
  const chain = await readChain(manifests, options);
  const tally: Tally = { objects: 0, records: 0, newer: 0 };
  const problem =
    checkChain(chain.links, options) ?? (await checkObjects(client, manifests, chain, tally, options));
  const last = chain.links.at(-1);
  return {
    bucket,
    prefix,
    manifests: chain.links.length,
    ...tally,
    ok: problem === undefined,
    ...(last === undefined ? {} : { head: { sequence: last.sequence, key: last.key, sha256: last.sha256 } }),
    ...(problem === undefined ? {} : { problem }),
  };
}

async function readChain(
  manifests: ManifestObjects,
  { prefix, keyPrefix, from = 1, signal }: VerifyOptions,
): Promise<ReadChain> {
  const links: ChainLink[] = [];
  const latest = new Map<string, number>();
  let createdAt = '';
  for (const sequence of await manifests.sequences(signal)) {
    if (sequence < from) continue;
    const found = await manifests.read(sequence, manifestKey(prefix, keyPrefix, sequence), signal);
    // Removed since the listing: a gap in the chain.
    if (found === undefined) continue;
    links.push(withoutObjects(found));
    for (const { key } of found.manifest?.objects ?? []) latest.set(key, sequence);
    createdAt = found.manifest?.createdAt ?? createdAt;
  }
  return { links, latest, createdAt };
}

function withoutObjects({ sequence, key, sha256, manifest }: ReadManifest): ChainLink {
  if (manifest === undefined) return { sequence, key, sha256, manifest };
  const { bucket, prefix, previous } = manifest;
  return { sequence, key, sha256, manifest: { bucket, prefix, sequence: manifest.sequence, previous } };
}

async function checkObjects(
  client: S3Client,
  manifests: ManifestObjects,
  { links, latest, createdAt }: ReadChain,
  tally: Tally,
  { bucket, quick, signal, onProgress = () => undefined }: VerifyOptions,
): Promise<Problem | undefined> {
  // S3 knows whole seconds.
  const newerThanMs = Math.floor(Date.parse(createdAt) / 1000) * 1000 - IN_FLIGHT_MS;
  const checkObject = async (entry: ManifestObject, sequence: number): Promise<Problem | undefined> => {
    const state = await lookAtObject(client, { bucket, key: entry.key }, quick, signal);
    const problem = compareWithEntry(state, entry, sequence);
    if (problem !== undefined && !mayBeNewer(state, entry, newerThanMs)) return problem;
    tally.newer += problem === undefined ? 0 : 1;
    tally.objects += problem === undefined ? 1 : 0;
    tally.records += problem === undefined ? entry.records : 0;
    onProgress(tally.objects + tally.newer, latest.size);
    return undefined;
  };
  onProgress(0, latest.size);
  for (const { sequence, key, sha256 } of links) {
    const found = await manifests.read(sequence, key, signal);
    if (found?.manifest === undefined || found.sha256 !== sha256) return alteredMeanwhile(sequence, key);
    const entries = found.manifest.objects.filter((entry) => latest.get(entry.key) === sequence);
    const problem = await firstFound(entries, (entry) => checkObject(entry, sequence));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function alteredMeanwhile(sequence: number, key: string): Problem {
  const detail = `manifest ${sequence} was altered or removed while it was being verified`;
  return { kind: 'manifest-altered', key, manifest: sequence, detail };
}

/** Looks at several items at a time, and answers what was found for the first of those for which anything was. */
async function firstFound<Item, Found>(
  items: readonly Item[],
  look: (item: Item) => Promise<Found | undefined>,
): Promise<Found | undefined> {
  const queue = items.entries();
  let first: { readonly position: number; readonly found: Found } | undefined;
  let isOver = false;
  const work = async (): Promise<void> => {
    for (const [position, item] of queue) {
      if (isOver) return;
      const found = await look(item).catch((error: unknown) => {
        isOver = true;
        throw error;
      });
      if (found === undefined) continue;
      isOver = true;
      if (first === undefined || position < first.position) first = { position, found };
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return first?.found;
}
