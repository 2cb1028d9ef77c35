import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';

/** Lists the keys that begin with a prefix, in their order. Throws what the AWS SDK throws. */
export async function* listKeys(
  client: S3Client,
  bucket: string,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix });
  for await (const page of pages) {
    signal?.throwIfAborted();
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
  }
}
