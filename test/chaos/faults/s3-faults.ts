import type { Harm, RequestHead } from '../proxy/harm.js';
import { proxyFault, type ProxyFault } from './proxy-faults.js';

const isWrite = ({ method }: RequestHead): boolean => method === 'PUT' || method === 'POST';
/** The requests after which an object is there: a whole one, or the end of a multipart upload. */
export const makesObject = ({ method, url }: RequestHead): boolean =>
  (method === 'PUT' && !url.includes('uploadId=')) || (method === 'POST' && url.includes('uploadId='));

type Common = Pick<ProxyFault, 'proxyOf' | 'forMs' | 'hits' | 'fits'>;
const common: Common = {
  proxyOf: ({ s3Proxy }) => s3Proxy,
  forMs: [1000, 6000],
  hits: [0.2, 0.5, 1],
  fits: isWrite,
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function answers(status: number, code: string): () => Harm {
  const body = `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>${code}</Code><Message>The chaos harness says so.</Message><RequestId>CHAOS</RequestId></Error>`;
  return () => ({ kind: 'answer', status, body });
}

/** What happens between log-courier and S3. */
export const S3_FAULTS = [
  proxyFault({
    ...common,
    name: 'S3 silent',
    weight: 4,
    harm: (random) => ({ kind: 'hold', milliseconds: random.between(1000, 25_000) }),
  }),
  proxyFault({
    ...common,
    name: 'S3 resets requests',
    weight: 5,
    harm: (random) => ({ kind: 'cut-request', afterBytes: random.integer(1, 50_000) }),
  }),
  proxyFault({ ...common, name: 'S3 loses answers', weight: 5, harm: () => ({ kind: 'drop-answer' }) }),
  proxyFault({
    ...common,
    name: 'S3 writes late',
    weight: 8,
    forMs: [2000, 12_000],
    hits: [0.3, 0.7],
    fits: makesObject,
    harm: (random) => ({ kind: 'late', milliseconds: random.between(2000, 40_000) }),
  }),
  proxyFault({
    ...common,
    name: 'S3 internal errors',
    weight: 4,
    harm: answers(500, 'InternalError'),
    sometimesOneTarget: true,
  }),
  proxyFault({
    ...common,
    name: 'S3 slows down',
    weight: 4,
    harm: answers(503, 'SlowDown'),
    sometimesOneTarget: true,
  }),
  proxyFault({
    ...common,
    name: 'S3 denies access',
    weight: 3,
    hits: [1],
    harm: answers(403, 'AccessDenied'),
    sometimesOneTarget: true,
  }),
  proxyFault({
    ...common,
    name: 'S3 target gone',
    weight: 4,
    forMs: [2000, 10_000],
    hits: [1],
    harm: answers(404, 'NoSuchBucket'),
    sometimesOneTarget: true,
  }),
] as const;
