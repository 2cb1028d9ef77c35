/** What the server says of the object's size and of the bytes it sent, when the request succeeds. */
type Body =
  /** The object itself is sent. */
  | 'object'
  /** The client sends an object, or only asks about one. */
  | 'size-only'
  /** The client sends one part of an object. */
  | 'part'
  /** A short XML answer. */
  | 'answer'
  /** A list of keys, which may be long. */
  | 'listing'
  /** Nothing to say. */
  | 'nothing';

/** One operation as it shows in the records. */
export interface Operation {
  readonly operation: string;
  /** How often it comes up, relative to the others. */
  readonly weight: number;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** True when it names a key, false when it is about the bucket. */
  readonly onKey: boolean;
  /** What follows the path; `{uploadId}` and `{part}` are to be filled in. */
  readonly query: string;
  /** Status of success. */
  readonly status: 200 | 204;
  readonly body: Body;
  /** True when a key that is not there is an error (404 NoSuchKey). */
  readonly needsKey: boolean;
}

/** The operations of a busy object store, named as AWS names them in its access logs. */
export const operations: readonly Operation[] = [
  on('REST.GET.OBJECT', 440, 'GET', 'object', { needsKey: true }),
  on('REST.PUT.OBJECT', 190, 'PUT', 'size-only'),
  on('REST.HEAD.OBJECT', 120, 'HEAD', 'size-only', { needsKey: true }),
  on('REST.GET.BUCKET', 75, 'GET', 'listing', { onKey: false, query: '?list-type=2&max-keys=1000' }),
  on('REST.DELETE.OBJECT', 50, 'DELETE', 'size-only', { status: 204 }),
  on('REST.PUT.PART', 40, 'PUT', 'part', { query: '?partNumber={part}&uploadId={uploadId}' }),
  on('BATCH.DELETE.OBJECT', 20, 'POST', 'size-only', { query: '?delete', status: 204 }),
  on('REST.POST.UPLOADS', 14, 'POST', 'answer', { query: '?uploads' }),
  on('REST.POST.UPLOAD', 12, 'POST', 'answer', { query: '?uploadId={uploadId}' }),
  on('REST.HEAD.BUCKET', 10, 'HEAD', 'nothing', { onKey: false }),
  on('REST.COPY.OBJECT', 7, 'PUT', 'size-only'),
  on('REST.COPY.OBJECT_GET', 7, 'PUT', 'size-only', { needsKey: true }),
  on('REST.GET.LOCATION', 5, 'GET', 'answer', { onKey: false, query: '?location' }),
  on('REST.GET.VERSIONING', 4, 'GET', 'answer', { onKey: false, query: '?versioning' }),
  on('REST.GET.OBJECT_TAGGING', 4, 'GET', 'answer', { query: '?tagging', needsKey: true }),
  on('REST.GET.ACL', 2, 'GET', 'answer', { query: '?acl', needsKey: true }),
];

function on(
  operation: string,
  weight: number,
  method: Operation['method'],
  body: Body,
  details: Partial<Pick<Operation, 'onKey' | 'query' | 'status' | 'needsKey'>> = {},
): Operation {
  const { onKey = true, query = '', status = 200, needsKey = false } = details;
  return { operation, weight, method, onKey, query, status, body, needsKey };
}
