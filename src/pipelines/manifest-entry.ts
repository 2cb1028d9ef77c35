import { createHash } from 'node:crypto';
import { GetObjectCommand, HeadObjectCommand, S3ServiceException, type S3Client } from '@aws-sdk/client-s3';
import { readableBody } from '../destinations/s3/read.js';
import type { Problem } from './manifest-chain.js';
import type { ManifestObject } from './manifest.js';

/** An object as S3 has it now. */
export interface ObjectState {
  readonly bytes: number;
  /** SHA-256 of the content, hex; undefined when it was not read. */
  readonly sha256?: string;
  /** Lines of the content; undefined when it was not read. */
  readonly lines?: number;
  /** Records that its metadata says; 0 when it says nothing. */
  readonly saysRecords: number;
  /** When it was written, ms. */
  readonly writtenMs: number;
}

/**
 * Asks S3 for an object, and reads it unless `quick` is set: a chunk at a time, so that its size does not matter.
 * Answers undefined when it is gone. Throws what the AWS SDK throws.
 */
export async function lookAtObject(
  client: S3Client,
  place: { readonly bucket: string; readonly key: string },
  quick: boolean,
  signal: AbortSignal,
): Promise<ObjectState | undefined> {
  const request = { Bucket: place.bucket, Key: place.key };
  try {
    const answer = quick
      ? await client.send(new HeadObjectCommand(request), { abortSignal: signal })
      : await client.send(new GetObjectCommand(request), { abortSignal: signal });
    const content = 'Body' in answer ? await digest(readableBody(answer.Body)) : {};
    return {
      bytes: answer.ContentLength ?? 0,
      ...content,
      saysRecords: Number(answer.Metadata?.['log-courier-records'] ?? 0),
      writtenMs: answer.LastModified?.getTime() ?? 0,
    };
  } catch (error) {
    // An answer to HEAD has no body, so the SDK knows the status alone.
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return undefined;
    throw error;
  }
}

const LINE_FEED = 10;

async function digest(
  content: AsyncIterable<Uint8Array>,
): Promise<Required<Pick<ObjectState, 'bytes' | 'sha256' | 'lines'>>> {
  const hash = createHash('sha256');
  let [bytes, lines] = [0, 0];
  for await (const chunk of content) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, at + 1)) lines += 1;
  }
  return { bytes, sha256: hash.digest('hex'), lines };
}

/**
 * Compares an object with the entry that a manifest has of it. What was not read is not compared.
 *
 * @param state undefined when the object is gone
 * @param entry what the manifest says
 * @param manifest sequence of the manifest
 */
export function compareWithEntry(
  state: ObjectState | undefined,
  entry: Pick<ManifestObject, 'key' | 'records' | 'bytes' | 'sha256'>,
  manifest: number,
): Problem | undefined {
  const { key, records, bytes, sha256 } = entry;
  if (state === undefined)
    return {
      kind: 'object-gone',
      key,
      manifest,
      detail: `object ${key} is gone; manifest ${manifest} names it`,
    };
  const difference =
    differs(state.sha256, sha256, (value) => `sha256 ${value}`) ??
    differs(state.bytes, bytes, (value) => `${value} bytes`) ??
    differs(state.lines, records, (value) => `${value} lines`);
  if (difference === undefined) return undefined;
  const detail = `object ${key}: its content has ${difference.has}, manifest ${manifest} says ${difference.says}`;
  return { kind: 'object-altered', key, manifest, detail };
}

function differs<Value>(
  has: Value | undefined,
  says: Value,
  inWords: (value: Value) => string,
): { readonly has: string; readonly says: string } | undefined {
  return has === undefined || has === says ? undefined : { has: inWords(has), says: inWords(says) };
}

/**
 * Tells whether an object that differs from its entry may have been delivered again since: with more records, and not
 * before the time given. The next manifest will say.
 */
export function mayBeNewer(
  state: ObjectState | undefined,
  { records }: Pick<ManifestObject, 'records'>,
  newerThanMs: number,
): boolean {
  return state !== undefined && state.saysRecords > records && state.writtenMs >= newerThanMs;
}
