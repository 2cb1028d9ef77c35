import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Settings } from '../../config/settings.js';
import { silentLog } from '../../observability/log.js';
import { ConditionalWrites } from './conditional-writes.js';
import { classifyS3Error, type S3Failure } from './errors.js';

/** Key of the test object, behind the prefix. It is always the same: where it cannot be removed, one stays, not many. */
export const TEST_KEY = 'log-courier-doctor-test-object';

/** How one request went; undefined when it was not made, because one before it had failed. */
export type Attempt = 'done' | S3Failure | undefined;

/** What was found out about the rights in a bucket. */
export interface BucketTrial {
  readonly bucket: string;
  readonly key: string;
  /** To begin an upload and send a part of it. */
  readonly upload: Attempt;
  /** To list the uploads that are in progress. */
  readonly listUploads: Attempt;
  readonly abortUpload: Attempt;
  /** To write an object, to read and to remove it; all undefined unless an object was wanted. */
  readonly put: Attempt;
  readonly get: Attempt;
  readonly remove: Attempt;
  /** Whether S3 honours conditions of writes; unknown without an object to try it with. */
  readonly conditionalWrites: 'on' | 'off' | 'unknown';
}

/** What to try. */
export interface BucketQuestion {
  readonly bucket: string;
  /** What keys begin with there. */
  readonly prefix: string;
  /** Whether to write a test object. Without, an upload is begun and aborted, of which nobody sees anything. */
  readonly object: boolean;
  readonly signal: AbortSignal;
}

const CONTENT = Buffer.from('Written by `log-courier doctor` to see whether it can; it may be removed.\n');
/** How long the clean-up may take, whoever wants the program to end; ms. */
const CLEAN_UP_MS = 10_000;

/** Tries what log-courier does in a bucket. What it has made it removes, also when something fails in between. */
export async function tryBucket(
  client: S3Client,
  settings: Settings,
  question: BucketQuestion,
): Promise<BucketTrial> {
  const at = { Bucket: question.bucket, Key: `${question.prefix}${TEST_KEY}` };
  const uploads = await tryUpload(client, at, question.signal);
  const object = question.object
    ? await tryObject(client, settings, at, question.signal)
    : ({ put: undefined, get: undefined, remove: undefined, conditionalWrites: 'unknown' } as const);
  return { bucket: at.Bucket, key: at.Key, ...uploads, ...object };
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

async function tryUpload(
  client: S3Client,
  at: Place,
  signal: AbortSignal,
): Promise<Pick<BucketTrial, 'upload' | 'listUploads' | 'abortUpload'>> {
  let uploadId: string | undefined;
  const upload = await attempt(async () => {
    const begun = await client.send(new CreateMultipartUploadCommand(at), { abortSignal: signal });
    uploadId = begun.UploadId;
    const part = { ...at, UploadId: uploadId, PartNumber: 1, Body: CONTENT, ContentLength: CONTENT.length };
    await client.send(new UploadPartCommand(part), { abortSignal: signal });
  });
  if (uploadId === undefined) return { upload, listUploads: undefined, abortUpload: undefined };
  const listUploads = await attempt(() => {
    const list = new ListMultipartUploadsCommand({ Bucket: at.Bucket, Prefix: at.Key });
    return client.send(list, { abortSignal: signal });
  });
  const abort = new AbortMultipartUploadCommand({ ...at, UploadId: uploadId });
  return {
    upload,
    listUploads,
    abortUpload: await cleanUp((abortSignal) => client.send(abort, { abortSignal })),
  };
}

async function tryObject(
  client: S3Client,
  settings: Settings,
  at: Place,
  signal: AbortSignal,
): Promise<Pick<BucketTrial, 'put' | 'get' | 'remove' | 'conditionalWrites'>> {
  const put = await attempt(() => {
    const object = { ...at, Body: CONTENT, ContentLength: CONTENT.length, ContentType: 'text/plain' };
    return client.send(new PutObjectCommand(object), { abortSignal: signal });
  });
  // After a timeout the object may be there all the same.
  const mayBeThere = put === 'done' || !put.permanent;
  const conditions = new ConditionalWrites(
    client,
    { ...settings, 's3.conditional-writes': 'auto' },
    silentLog(),
  );
  let get: Attempt;
  if (put === 'done') {
    get = await attempt(async () => {
      const { Body } = await client.send(new GetObjectCommand(at), { abortSignal: signal });
      await Body?.transformToByteArray();
    });
    await conditions.learn(at.Bucket, at.Key, CONTENT, signal);
  }
  const remove = mayBeThere
    ? await cleanUp((abortSignal) => client.send(new DeleteObjectCommand(at), { abortSignal }))
    : undefined;
  return { put, get, remove, conditionalWrites: conditions.state };
}

async function attempt(act: () => Promise<unknown>): Promise<Exclude<Attempt, undefined>> {
  try {
    await act();
    return 'done';
  } catch (error) {
    return classifyS3Error(error);
  }
}

/** Cleaning up is done to its end even when the program is told to stop. */
function cleanUp(act: (signal: AbortSignal) => Promise<unknown>): Promise<Exclude<Attempt, undefined>> {
  return attempt(() => act(AbortSignal.timeout(CLEAN_UP_MS)));
}
