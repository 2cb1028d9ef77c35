import { S3Error } from '../http/errors.js';
import type { Target } from '../http/target.js';
import { BUCKET_OPERATIONS } from './buckets.js';
import { MULTIPART_OPERATIONS } from './multipart.js';
import { OBJECT_OPERATIONS } from './objects.js';
import type { Level, Operation } from './operation.js';
import { SERVICE_OPERATIONS } from './service.js';

const OPERATIONS = [
  ...SERVICE_OPERATIONS,
  ...BUCKET_OPERATIONS,
  ...OBJECT_OPERATIONS,
  ...MULTIPART_OPERATIONS,
];

/** Parameters of any operation: its name, which the AWS SDK adds, and those of a signature in the URL. */
function isOfAll(parameter: string): boolean {
  return parameter === 'x-id' || parameter.toLowerCase().startsWith('x-amz-');
}

/**
 * The operation that a request asks for.
 *
 * @throws S3Error NotImplemented for all that this server does not do, MethodNotAllowed
 */
export function findOperation(method: string, target: Target): Operation {
  const parameters = [...target.query.keys()].filter((name) => !isOfAll(name));
  const level = levelOf(target);
  const [operation] = OPERATIONS.filter(
    (one) =>
      one.method === method &&
      one.level === level &&
      one.marks.every((mark) => parameters.includes(mark)) &&
      parameters.every((name) => one.marks.includes(name) || one.parameters?.includes(name) === true),
  );
  if (operation !== undefined) return operation;
  if (!OPERATIONS.some((one) => one.method === method))
    throw new S3Error('MethodNotAllowed', `${method} is no method of S3.`);
  const given = parameters.length === 0 ? '' : ` with ${parameters.join(', ')}`;
  throw new S3Error('NotImplemented', `${method} of a ${level}${given} is not implemented here.`);
}

function levelOf({ bucket, key }: Target): Level {
  if (bucket === undefined) return 'service';
  return key === undefined ? 'bucket' : 'object';
}
