import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { StandardRetryStrategy } from '@smithy/core/retry';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Settings } from '../../config/settings.js';
import { useKnownDigests } from './payload-hash.js';

/** Time in which a connection must stand, in ms: a host that drops packets would hold a worker for minutes. */
const CONNECTION_TIMEOUT_MS = 10_000;

/**
 * Makes the S3 client of a process, as the `s3.*` settings say. It sends checksums only where S3 demands them, since
 * older S3 servers refuse those that the SDK adds by itself. The caller must `destroy()` it.
 */
export function createS3Client(settings: Settings): S3Client {
  const endpoint = settings['s3.endpoint'];
  const client = new S3Client({
    ...(endpoint === '' ? {} : { endpoint }),
    ...credentialsOf(settings),
    region: settings['s3.region'],
    forcePathStyle: settings['s3.force-path-style'],
    retryStrategy: retryStrategy(
      settings['s3.max-retry-attempts'],
      settings['s3.max-backoff-delay-seconds'] * 1000,
    ),
    requestHandler: requestHandler(settings),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  useKnownDigests(client);
  return client;
}

function credentialsOf(settings: Settings): Pick<S3ClientConfig, 'credentials'> {
  const accessKeyId = settings['s3.access-key-id'];
  const secretAccessKey = settings['s3.secret-access-key'];
  return accessKeyId === '' ? {} : { credentials: { accessKeyId, secretAccessKey } };
}

/** The SDK's own rules on what to retry, with a longest wait of ours: full jitter over a doubling delay. */
function retryStrategy(maxAttempts: number, longestDelayMs: number): StandardRetryStrategy {
  let baseMs = 0;
  return new StandardRetryStrategy({
    maxAttempts,
    backoff: {
      setDelayBase: (delayMs) => {
        baseMs = delayMs;
      },
      computeNextBackoffDelay: (retry) =>
        Math.floor(Math.random() * Math.min(baseMs * 2 ** retry, longestDelayMs)),
    },
  });
}

/**
 * Connections stay open between requests, one for every part and every small object that can be under way, and a few for
 * small requests.
 */
function requestHandler(settings: Settings): NodeHttpHandler {
  const parts = settings['consumer.num-workers'] * settings['s3.parts-in-flight'];
  const maxSockets = parts + settings['s3.small-objects-in-flight'] + 4;
  const agent = { keepAlive: true, maxSockets };
  return new NodeHttpHandler({
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent({ ...agent, rejectUnauthorized: !settings['s3.tls-skip-verify'] }),
  });
}
