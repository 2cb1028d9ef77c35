import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  S3ServiceException,
  type ListMultipartUploadsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';

/**
 * Aborts every multipart upload of a key that is in progress: none of those that were begun before can replace the
 * object any more, whoever holds it and whenever that one wakes up.
 *
 * @returns how many were aborted
 * @throws what the AWS SDK throws
 */
export async function abortUploads(
  client: S3Client,
  bucket: string,
  key: string,
  signal: AbortSignal,
): Promise<number> {
  let aborted = 0;
  let from: Pick<ListMultipartUploadsCommandOutput, 'NextKeyMarker' | 'NextUploadIdMarker'> = {};
  for (;;) {
    const list = new ListMultipartUploadsCommand({
      Bucket: bucket,
      Prefix: key,
      KeyMarker: from.NextKeyMarker,
      UploadIdMarker: from.NextUploadIdMarker,
    });
    const page = await client.send(list, { abortSignal: signal });
    for (const { Key, UploadId } of page.Uploads ?? []) {
      if (Key !== key) continue;
      await abortUpload(client, { Bucket: bucket, Key, UploadId }, signal);
      aborted += 1;
    }
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return aborted;
    from = page;
  }
}

async function abortUpload(
  client: S3Client,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.send(new AbortMultipartUploadCommand(upload), { abortSignal: signal });
  } catch (error) {
    // It has been completed or aborted meanwhile: either way it cannot replace the object from now on.
    if (!(error instanceof S3ServiceException) || error.name !== 'NoSuchUpload') throw error;
  }
}
