import {
  CreateBucketCommand,
  HeadBucketCommand,
  type BucketLocationConstraint,
  type CreateBucketCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';

/** A bucket could not be created, and is not there already. */
export class CreateBucketError extends Error {
  override readonly name = 'CreateBucketError';

  /** @param bucket the bucket's name */
  constructor(
    readonly bucket: string,
    options: { readonly cause: unknown },
  ) {
    const { cause } = options;
    const answer = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(
      `create bucket ${bucket}: S3 answered ${answer}; check the s3.* settings, or create it by other means`,
      options,
    );
  }
}

/**
 * Creates those of the buckets that do not exist. One that is there already and that we can reach is left as it is.
 *
 * @returns the names of those that were created now
 * @throws {CreateBucketError} also for a bucket of somebody else that is closed to us
 */
export async function createMissingBuckets(
  client: S3Client,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const region = await client.config.region();
  const created: string[] = [];
  for (const name of names) {
    if (await createBucket(client, name, region, signal)) created.push(name);
  }
  return created;
}

async function createBucket(
  client: S3Client,
  bucket: string,
  region: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const options = signal === undefined ? {} : { abortSignal: signal };
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket, ...locationOf(region) }), options);
    return true;
  } catch (cause) {
    signal?.throwIfAborted();
    const code = cause instanceof Error ? cause.name : '';
    if (code === 'BucketAlreadyOwnedByYou') return false;
    if (code === 'BucketAlreadyExists' && (await isWithinReach(client, bucket, options))) return false;
    throw new CreateBucketError(bucket, { cause });
  }
}

/** Some S3 servers call a bucket of ours BucketAlreadyExists, as AWS does only with those of others. */
async function isWithinReach(
  client: S3Client,
  bucket: string,
  options: { readonly abortSignal?: AbortSignal },
): Promise<boolean> {
  return client.send(new HeadBucketCommand({ Bucket: bucket }), options).then(
    () => true,
    () => false,
  );
}

/** Outside of us-east-1, whose name S3 does not accept here, AWS demands that the region be named. */
function locationOf(region: string): Pick<CreateBucketCommandInput, 'CreateBucketConfiguration'> {
  if (!isLocation(region)) return {};
  return { CreateBucketConfiguration: { LocationConstraint: region } };
}

/** The SDK lists the regions that it knows; new ones and those of other services are as good. */
function isLocation(region: string): region is BucketLocationConstraint {
  return region !== 'us-east-1';
}
