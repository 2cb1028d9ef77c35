import { Readable } from 'node:stream';

/**
 * The body of a GetObject answer as a stream of Node.js, which is what the AWS SDK gives outside of browsers.
 *
 * @throws {TypeError} when it is anything else
 */
export function readableBody(body: unknown): Readable {
  if (body instanceof Readable) return body;
  throw new TypeError('S3 answered without a body that can be read as a stream');
}
