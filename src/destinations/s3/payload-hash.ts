import type { S3Client } from '@aws-sdk/client-s3';
import { HttpRequest } from '@smithy/core/protocols';

/** Digests of bodies that are about to be sent, hex. */
const digests = new WeakMap<Uint8Array, string>();

/**
 * Notes the SHA-256 of a body that is about to be sent, which a client with {@link useKnownDigests} then signs: else the
 * AWS SDK computes it once more, over every byte. S3 refuses a body that has another one.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * @param sha256 hex
 */
export function noteDigest(body: Uint8Array, sha256: string): void {
  digests.set(body, sha256);
}

/** Has a client sign digests that are known already. */
export function useKnownDigests(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (given) => {
      const { request } = given;
      if (HttpRequest.isInstance(request) && request.body instanceof Uint8Array) {
        const sha256 = digests.get(request.body);
        if (sha256 !== undefined) request.headers['x-amz-content-sha256'] = sha256;
      }
      return next(given);
    },
    { step: 'build', name: 'knownDigest' },
  );
}
