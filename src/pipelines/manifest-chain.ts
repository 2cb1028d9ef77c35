import { manifestKey, type Manifest, type ManifestLink, type ManifestTarget } from './manifest.js';

/** What a manifest says of itself and of the one before it, and what its bytes say. */
export interface ChainLink extends ManifestLink {
  /** undefined when the bytes are no manifest. */
  readonly manifest: Pick<Manifest, 'bucket' | 'prefix' | 'sequence' | 'previous'> | undefined;
}

/** Kinds of things that do not fit, for programs. */
export type ProblemKind =
  | 'no-manifests'
  | 'manifest-missing'
  | 'manifest-altered'
  | 'manifest-unknown'
  | 'object-gone'
  | 'object-altered';

/** The first thing that does not fit. */
export interface Problem {
  readonly kind: ProblemKind;
  /** Key of the object or manifest. */
  readonly key: string;
  /** Sequence of the manifest that is wrong, or that names the object; 0 when there is none. */
  readonly manifest: number;
  /** In words. */
  readonly detail: string;
}

/** Which chain is checked. */
export interface ChainOptions extends ManifestTarget {
  readonly keyPrefix: string;
  /** Begin with this manifest, because those before it were removed on purpose. */
  readonly from?: number | undefined;
  /** Digest of a manifest, noted earlier: the chain must have it. */
  readonly expected?: string | undefined;
}

/**
 * Checks a chain: no sequence is missing, each manifest is one of this target, and each names key and digest of the
 * one before it.
 *
 * @param links the manifests that are kept, from {@link ChainOptions.from} on, in their order
 * @returns the first thing that does not fit
 */
export function checkChain(links: readonly ChainLink[], options: ChainOptions): Problem | undefined {
  return checkSequence(links, options) ?? checkLinks(links, options) ?? checkExpected(links, options);
}

function checkSequence(links: readonly ChainLink[], options: ChainOptions): Problem | undefined {
  const { bucket, prefix, keyPrefix, from } = options;
  const [first] = links;
  const missing = (sequence: number, detail: string): Problem => {
    const key = manifestKey(prefix, keyPrefix, sequence);
    return { kind: 'manifest-missing', key, manifest: sequence, detail };
  };
  if (from !== undefined && first?.sequence !== from)
    return missing(from, `manifest ${from}, with which to begin, is missing`);
  if (first === undefined) {
    const detail = `there is no manifest s3://${bucket}/${prefix}${keyPrefix}…`;
    return { kind: 'no-manifests', key: prefix + keyPrefix, manifest: 0, detail };
  }
  if (from === undefined && first.sequence !== 1) return missing(1, describeLostBeginning(first.sequence));
  const gap = links.findIndex(({ sequence }, position) => sequence !== first.sequence + position);
  return gap === -1
    ? undefined
    : missing(first.sequence + gap, `manifest ${first.sequence + gap} is missing`);
}

function describeLostBeginning(first: number): string {
  const lost = first === 2 ? 'manifest 1 is missing' : `manifests 1 to ${first - 1} are missing`;
  return `${lost}; if they were removed on purpose, by a lifecycle rule for instance, begin with --from ${first}`;
}

function checkLinks(links: readonly ChainLink[], options: ChainOptions): Problem | undefined {
  for (const [position, link] of links.entries()) {
    const own = checkItself(link, options);
    if (own !== undefined) return own;
    const before = links[position - 1];
    if (before === undefined || isNamedBy(before, link)) continue;
    return checkDigest(before, link, links[position + 1]);
  }
  return undefined;
}

/** What a manifest says of itself must be true. */
function checkItself(link: ChainLink, { bucket, prefix, keyPrefix }: ChainOptions): Problem | undefined {
  const { manifest, sequence, key } = link;
  if (manifest === undefined) return altered(link, 'its content is no manifest');
  if (manifest.bucket !== bucket || manifest.prefix !== prefix || manifest.sequence !== sequence) {
    const place = JSON.stringify([manifest.bucket, manifest.prefix, manifest.sequence]);
    return altered(link, `it says that it is that of another place: ${place}`);
  }
  const named = manifest.previous?.key ?? null;
  const expected = sequence === 1 ? null : manifestKey(prefix, keyPrefix, sequence - 1);
  if (named === expected) return undefined;
  return altered(link, `${key} names ${named ?? 'nothing'} as the one before it`);
}

/** Two manifests in a row do not fit each other; the one after them tells which of the two is as it was written. */
function checkDigest(before: ChainLink, link: ChainLink, after: ChainLink | undefined): Problem {
  if (after !== undefined && !isNamedBy(link, after))
    return altered(link, `manifest ${after.sequence} names another digest`);
  const detail = `manifest ${link.sequence} names another digest`;
  if (after !== undefined) return altered(before, detail);
  return altered(before, `${detail} (or manifest ${link.sequence} was, which no later one vouches for)`);
}

function isNamedBy({ key, sha256 }: ManifestLink, { manifest }: ChainLink): boolean {
  return manifest?.previous?.key === key && manifest.previous.sha256 === sha256;
}

function altered({ key, sequence }: ManifestLink, detail: string): Problem {
  return {
    kind: 'manifest-altered',
    key,
    manifest: sequence,
    detail: `manifest ${sequence} was altered: ${detail}`,
  };
}

function checkExpected(
  links: readonly ChainLink[],
  { prefix, keyPrefix, expected }: ChainOptions,
): Problem | undefined {
  if (expected === undefined || links.some(({ sha256 }) => sha256 === expected)) return undefined;
  const detail = `no manifest has the digest ${expected}: the newest ones were removed, or all were written anew`;
  return { kind: 'manifest-unknown', key: prefix + keyPrefix, manifest: 0, detail };
}
