import { receiveXml } from '../http/body.js';
import { S3Error } from '../http/errors.js';
import { checkKey } from '../http/target.js';
import { xmlDocument, xmlElements, xmlText, type XmlContent } from '../http/xml.js';
import { listObjects } from './list-objects.js';
import type { Answer, Operation, S3Request, Stores } from './operation.js';

const MOST_DELETIONS = 1000;

/** What can be done with a bucket, but for its multipart uploads. */
export const BUCKET_OPERATIONS: readonly Operation[] = [
  {
    method: 'PUT',
    level: 'bucket',
    marks: [],
    answer: async ({ bucket }, { objects }) => {
      await objects.createBucket(bucket);
      return { status: 200, headers: { Location: `/${bucket}` } };
    },
  },
  {
    method: 'HEAD',
    level: 'bucket',
    marks: [],
    answer: ({ bucket }, { objects }) => {
      objects.bucket(bucket);
      return Promise.resolve({ status: 200 });
    },
  },
  {
    method: 'DELETE',
    level: 'bucket',
    marks: [],
    answer: async ({ bucket }, { objects, uploads }) => {
      await objects.deleteBucket(bucket);
      await uploads.abortAll(bucket);
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    level: 'bucket',
    marks: ['list-type'],
    parameters: [
      'prefix',
      'delimiter',
      'max-keys',
      'continuation-token',
      'start-after',
      'encoding-type',
      'fetch-owner',
    ],
    answer: listObjects,
  },
  { method: 'POST', level: 'bucket', marks: ['delete'], answer: deleteObjects },
];

async function deleteObjects(request: S3Request, { objects }: Stores): Promise<Answer> {
  objects.bucket(request.bucket);
  const document = await receiveXml(request.http);
  const keys = xmlElements(document, 'Object').map((object) => {
    const unknown = /<(?!\/|Key[\s>])[^>]*>/.exec(object);
    if (unknown !== null) throw new S3Error('NotImplemented', `${unknown[0]} is not understood here.`);
    return xmlText(object, 'Key') ?? '';
  });
  if (keys.length === 0 || keys.length > MOST_DELETIONS || keys.includes(''))
    throw new S3Error('MalformedXML', `Up to ${MOST_DELETIONS} objects are deleted, each by its Key.`);
  const isQuiet = xmlText(document, 'Quiet')?.trim() === 'true';
  const deleted: XmlContent[] = [];
  const failed: XmlContent[] = [];
  for (const key of keys) {
    try {
      checkKey(key);
      await objects.delete(request.bucket, key);
      if (!isQuiet) deleted.push({ Key: key });
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      failed.push({ Key: key, Code: error.code, Message: error.message });
    }
  }
  return { status: 200, xml: xmlDocument('DeleteResult', { Deleted: deleted, Error: failed }) };
}
