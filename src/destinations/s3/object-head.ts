import { HeadObjectCommand, S3ServiceException, type S3Client } from '@aws-sdk/client-s3';

/** An object as S3 has it. */
export interface ObjectHead {
  readonly etag: string;
  readonly bytes: number;
  /** User metadata, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Asks for an object without its content; undefined when there is none. Throws what the AWS SDK throws. */
export async function headObject(
  client: S3Client,
  bucket: string,
  key: string,
  signal: AbortSignal,
): Promise<ObjectHead | undefined> {
  try {
    const head = new HeadObjectCommand({ Bucket: bucket, Key: key });
    const { ETag = '', ContentLength = 0, Metadata = {} } = await client.send(head, { abortSignal: signal });
    return { etag: ETag, bytes: ContentLength, metadata: Metadata };
  } catch (error) {
    // An answer to HEAD has no body, so the SDK knows the status alone.
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return undefined;
    throw error;
  }
}
