import { describe, expect, test } from '@jest/globals';
import { canonicalRequest, signatureOf, type SignedRequest } from '../../src/embedded/s3/http/signature.js';

/** The examples of the Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header". */
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const SCOPE = { date: '20130524', region: 'us-east-1', service: 's3' };
const TIME = '20130524T000000Z';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const HOST = ['host', ['examplebucket.s3.amazonaws.com']] as const;
const DATE = ['x-amz-date', [TIME]] as const;

function request(given: Partial<SignedRequest>): SignedRequest {
  const payloadHash = given.payloadHash ?? EMPTY;
  const headers = [HOST, ['x-amz-content-sha256', [payloadHash]] as const, DATE];
  return { method: 'GET', rawPath: '/', query: new Map(), headers, payloadHash, ...given };
}

const PUT_HASH = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';

describe('a signature is that of the examples of AWS', () => {
  const examples: [string, SignedRequest, string][] = [
    [
      'GET Object',
      request({
        rawPath: '/test.txt',
        headers: [HOST, ['range', ['bytes=0-9']], ['x-amz-content-sha256', [EMPTY]], DATE],
      }),
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT Object',
      request({
        method: 'PUT',
        rawPath: '/test$file.text',
        headers: [
          ['date', ['Fri, 24 May 2013 00:00:00 GMT']],
          HOST,
          ['x-amz-content-sha256', [PUT_HASH]],
          DATE,
          ['x-amz-storage-class', ['REDUCED_REDUNDANCY']],
        ],
        payloadHash: PUT_HASH,
      }),
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'GET Bucket Lifecycle',
      request({ query: new Map([['lifecycle', '']]) }),
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'List Objects',
      request({
        query: new Map([
          ['prefix', 'J'],
          ['max-keys', '2'],
        ]),
      }),
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
    [
      'a presigned GET',
      request({
        rawPath: '/test.txt',
        query: new Map([
          ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
          ['X-Amz-Credential', 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'],
          ['X-Amz-Date', TIME],
          ['X-Amz-Expires', '86400'],
          ['X-Amz-SignedHeaders', 'host'],
        ]),
        headers: [HOST],
        payloadHash: 'UNSIGNED-PAYLOAD',
      }),
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    ],
  ];

  test.each(examples)('%s', (_, signed, signature) => {
    expect(signatureOf(signed, SECRET, SCOPE, TIME)).toBe(signature);
  });
});

describe('a canonical request', () => {
  const lines = (given: Partial<SignedRequest>): readonly string[] =>
    canonicalRequest(request(given)).split('\n');

  test.each([
    ['/bucket/a//b/../c/', '/bucket/a//b/../c/'],
    ['/b/%E2%82%AC+(1)*', '/b/%E2%82%AC%2B%281%29%2A'],
    ['/b/%7etilde', '/b/~tilde'],
    ['/b/a%2Fb', '/b/a/b'],
  ])('has the path %s as %s', (rawPath, canonical) => {
    expect(lines({ rawPath })[1]).toBe(canonical);
  });

  test('has the parameters sorted by their encoded names, and all values of a header', () => {
    const query = new Map([
      ['b', 'x y'],
      ['a/', "'"],
      ['a', ''],
    ]);
    const [, , parameters, header] = lines({ query, headers: [['x-amz-meta-a', ['  one   two ', 'three']]] });
    expect(parameters).toBe('a=&a%2F=%27&b=x%20y');
    expect(header).toBe('x-amz-meta-a:one two,three');
  });
});
