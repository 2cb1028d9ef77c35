import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { HttpRequest, HttpResponse } from '@smithy/core/protocols';
import { SignatureV4 } from '@smithy/signature-v4';
import { z } from 'zod';

/** An object that is sent in one request. */
export interface WholeObject {
  readonly bucket: string;
  readonly key: string;
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
  /** Everything else that the request says; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Where requests for a bucket go, and what signs them. */
interface Route {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  /** What stands before the key. */
  readonly path: string;
  readonly signer: SignatureV4;
}

/** More buckets than a process meets in a day; beyond, it learns anew. */
const MOST_ROUTES = 10_000;

/**
 * PutObject with a third of the work that the AWS SDK makes of it, which for small objects is most of what delivering
 * them costs. Nothing is known here of endpoints, regions and kinds of signature: the first request for a bucket with
 * which the SDK has succeeded tells. And nothing is known of errors and retries: what does not succeed at once is to
 * be sent again by the SDK, and so is all else for that bucket until the SDK has succeeded again.
 */
class QuickPut {
  readonly #client: S3Client;
  readonly #routes = new Map<string, Route>();

  constructor(client: S3Client) {
    this.#client = client;
    client.middlewareStack.add(
      (next) => async (given) => {
        const answer = await next(given);
        const put = putInput.safeParse(given.input);
        const { request } = given;
        if (put.success && HttpRequest.isInstance(request) && isOk(answer.response))
          this.#learn(put.data, request);
        return answer;
      },
      // The innermost: the request is signed and will change no more.
      { step: 'deserialize', priority: 'low', name: 'learnRoutes' },
    );
  }

  /**
   * Sends an object, if it is known how.
   *
   * @returns whether S3 has taken it; if not, nothing is known, for the answer may have been lost
   * @throws the signal's reason
   */
  async put(object: WholeObject, signal: AbortSignal): Promise<boolean> {
    const route = this.#routes.get(object.bucket);
    if (route === undefined) return false;
    try {
      const request = await route.signer.sign(requestOf(route, object));
      const answer: { readonly response: unknown } = await this.#client.config.requestHandler.handle(
        new HttpRequest(request),
        { abortSignal: signal },
      );
      if (readToEnd(answer.response)) return true;
    } catch {
      signal.throwIfAborted();
    }
    this.#routes.delete(object.bucket);
    return false;
  }

  #learn({ Bucket, Key }: PutInput, { protocol, hostname, port, path, headers }: HttpRequest): void {
    if (this.#routes.has(Bucket)) return;
    const key = encodedKey(Key);
    const scope = SCOPE.exec(headers['authorization'] ?? '')?.groups;
    if (scope === undefined || !path.endsWith(`/${key}`)) return;
    const { config } = this.#client;
    const signer = new SignatureV4({
      service: scope['service'] ?? '',
      region: scope['region'] ?? '',
      credentials: config.credentials,
      sha256: config.sha256,
      uriEscapePath: false,
    });
    if (this.#routes.size >= MOST_ROUTES) this.#routes.clear();
    this.#routes.set(Bucket, { protocol, hostname, port, path: path.slice(0, -key.length), signer });
  }
}

/** Reads an answer to its end, since only then its connection is used again. */
function readToEnd(response: unknown): boolean {
  const body: unknown = HttpResponse.isInstance(response) ? response.body : undefined;
  if (body instanceof Readable) body.on('error', () => undefined).resume();
  return isOk(response);
}

function isOk(response: unknown): boolean {
  return HttpResponse.isInstance(response) && response.statusCode === 200;
}

const known = new WeakMap<S3Client, QuickPut>();

/** The one of a client. */
export function quickPutOf(client: S3Client): QuickPut {
  let quickPut = known.get(client);
  if (quickPut === undefined) known.set(client, (quickPut = new QuickPut(client)));
  return quickPut;
}

const putInput = z.object({ Bucket: z.string(), Key: z.string(), Body: z.instanceof(Uint8Array) });

type PutInput = z.infer<typeof putInput>;

/**
 * The one kind of signature that is made here.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
 */
const SCOPE =
  /^AWS4-HMAC-SHA256 Credential=[^,]+\/\d{8}\/(?<region>[^/,]+)\/(?<service>[^/,]+)\/aws4_request,/;

function requestOf({ protocol, hostname, port, path }: Route, object: WholeObject): HttpRequest {
  return new HttpRequest({
    method: 'PUT',
    protocol,
    hostname,
    ...(port === undefined ? {} : { port }),
    path: path + encodedKey(object.key),
    headers: {
      ...object.headers,
      host: port === undefined ? hostname : `${hostname}:${String(port)}`,
      'content-length': String(object.bytes.byteLength),
      'x-amz-content-sha256': object.sha256,
    },
    body: object.bytes,
  });
}

/** A key as it stands in a path: RFC 3986, its slashes as they are. */
function encodedKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
