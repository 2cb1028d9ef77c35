import { xmlDocument } from '../http/xml.js';
import { numberParameter, type Answer, type Operation, type S3Request, type Stores } from './operation.js';

const BUCKETS = { least: 1, most: 10_000, missing: 10_000 } as const;

/** What can be asked of the service itself: ListBuckets. */
export const SERVICE_OPERATIONS: readonly Operation[] = [
  {
    method: 'GET',
    level: 'service',
    marks: [],
    parameters: ['max-buckets', 'prefix', 'continuation-token'],
    answer: listBuckets,
  },
];

/** The token of a page is the name of the last bucket of the page before. */
function listBuckets(request: S3Request, { objects }: Stores): Promise<Answer> {
  const prefix = request.query.get('prefix') ?? '';
  const after = request.query.get('continuation-token') ?? '';
  const most = numberParameter(request, 'max-buckets', BUCKETS);
  const rest = objects.buckets().filter(({ name }) => name.startsWith(prefix) && name > after);
  const page = rest.slice(0, most);
  const xml = xmlDocument('ListAllMyBucketsResult', {
    Owner: { ID: 'log-courier' },
    Buckets: { Bucket: page.map(({ name, created }) => ({ Name: name, CreationDate: created })) },
    Prefix: prefix === '' ? undefined : prefix,
    ContinuationToken: page.length < rest.length ? page.at(-1)?.name : undefined,
  });
  return Promise.resolve({ status: 200, xml });
}
