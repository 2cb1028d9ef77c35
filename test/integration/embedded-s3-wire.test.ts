import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { Agent, request as sendRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ALGORITHM, signatureOf } from '../../src/embedded/s3/http/signature.js';
import { S3_CREDENTIALS } from '../../src/embedded/s3.js';
import { BUCKET, startTestS3, type TestS3 } from '../support/embedded-s3.js';

let s3: TestS3;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

beforeAll(async () => {
  s3 = await startTestS3();
});

afterAll(async () => {
  agent.destroy();
  await s3.stop();
});

const now = (): string => new Date().toISOString().replace(/[-:]|\.\d+/g, '');

/** Opens a signed request, whose body is still to be sent. */
function open(method: string, path: string, given: Readonly<Record<string, string>> = {}): ClientRequest {
  const time = now();
  const host = new URL(s3.engine.url).host;
  const payloadHash = given['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
  const signed = { host, 'x-amz-content-sha256': payloadHash, 'x-amz-date': time };
  const scope = { date: time.slice(0, 8), region: 'us-east-1', service: 's3' };
  const headers = Object.entries(signed).map(([name, value]) => [name, [value]] as const);
  const what = { method, rawPath: path, query: new Map<string, string>(), headers, payloadHash };
  const signature = signatureOf(what, S3_CREDENTIALS.secretAccessKey, scope, time);
  const credential = `${S3_CREDENTIALS.accessKeyId}/${scope.date}/us-east-1/s3/aws4_request`;
  const authorization = `${ALGORITHM} Credential=${credential}, SignedHeaders=${Object.keys(signed).join(';')}, Signature=${signature}`;
  return sendRequest(new URL(s3.engine.url), {
    path,
    method,
    agent,
    headers: { ...given, ...signed, authorization },
  });
}

interface Answered {
  readonly status: number | undefined;
  readonly body: string;
}

async function answerTo(request: ClientRequest): Promise<Answered> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  return { status: response.statusCode, body: await text(response) };
}

async function send(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Promise<Answered> {
  const request = open(method, path, headers);
  request.end(body);
  return answerTo(request);
}

const error = (code: string): object => ({ body: expect.stringContaining(`<Code>${code}</Code>`) });

test('an error is a document with code, message and request id, and nothing but a status for HEAD', async () => {
  const { status, body } = await send('GET', `/${BUCKET}/a%20%3Cb%3E`);
  expect(status).toBe(404);
  expect(body).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error><Code>NoSuchKey<\/Code><Message>[^<]+<\/Message><Resource>[^<]+<\/Resource><RequestId>[0-9A-F]{16}<\/RequestId><\/Error>$/,
  );
  expect(await send('HEAD', `/${BUCKET}/absent`)).toEqual({ status: 404, body: '' });
});

test('a request without a signature, or with half of one, is refused', async () => {
  const refusal = async (headers: Record<string, string>): Promise<string> =>
    (await fetch(`${s3.engine.url}/${BUCKET}?list-type=2`, { headers })).text();
  expect(await refusal({})).toContain('<Code>AccessDenied</Code>');
  expect(await refusal({ authorization: 'Basic eDp5' })).toContain('<Code>InvalidRequest</Code>');
  const half = `${ALGORITHM} Credential=S3RVER/20260101/us-east-1/s3/aws4_request`;
  expect(await refusal({ authorization: half })).toContain('<Code>AuthorizationHeaderMalformed</Code>');
});

test.each([
  ['/%ff', 'InvalidURI'],
  [`/${BUCKET}/%zz`, 'InvalidURI'],
])('the path %s is refused', async (path, code) => {
  const response = await answerTo(sendRequest(new URL(s3.engine.url), { path, agent }).end());
  expect(response).toMatchObject({ status: 400, ...error(code) });
});

test('a presigned URL is good until it expires', async () => {
  await send('PUT', `/${BUCKET}/presigned`, { 'content-length': '4' }, 'text');
  const presigned = (time: string): string => {
    const scope = { date: time.slice(0, 8), region: 'us-east-1', service: 's3' };
    const query = new Map([
      ['X-Amz-Algorithm', ALGORITHM],
      ['X-Amz-Credential', `${S3_CREDENTIALS.accessKeyId}/${scope.date}/us-east-1/s3/aws4_request`],
      ['X-Amz-Date', time],
      ['X-Amz-Expires', '60'],
      ['X-Amz-SignedHeaders', 'host'],
    ]);
    const url = new URL(`/${BUCKET}/presigned`, s3.engine.url);
    const headers = [['host', [url.host]]] as const;
    const what = {
      method: 'GET',
      rawPath: url.pathname,
      query,
      headers,
      payloadHash: 'UNSIGNED-PAYLOAD',
    };
    query.set('X-Amz-Signature', signatureOf(what, S3_CREDENTIALS.secretAccessKey, scope, time));
    return `${url.href}?${new URLSearchParams([...query]).toString()}`;
  };
  expect(await (await fetch(presigned(now()))).text()).toBe('text');
  expect(await (await fetch(presigned('20200101T000000Z'))).text()).toContain('The URL has expired.');
  const forged = presigned(now()).replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  expect(await (await fetch(forged)).text()).toContain('<Code>SignatureDoesNotMatch</Code>');
});

describe('a body', () => {
  test('that breaks off leaves nothing behind, and the object as it was', async () => {
    const path = `/${BUCKET}/broken-off`;
    await send('PUT', path, { 'content-length': '4' }, 'text');
    const request = open('PUT', path, { 'content-length': '100000' });
    request.on('error', () => undefined);
    await new Promise((resolve) => request.write('x'.repeat(50_000), resolve));
    request.destroy();
    await new Promise((resolve) => request.once('close', resolve));
    expect(await send('GET', path)).toEqual({ status: 200, body: 'text' });
    await expectNothingIncoming();
  });

  test('whose length is not told, or is another one, is refused', async () => {
    const path = `/${BUCKET}/lengths`;
    expect(await send('PUT', path, { 'transfer-encoding': 'chunked' }, 'text')).toMatchObject({
      status: 411,
      ...error('MissingContentLength'),
    });
    const chunked = (bytes: string): Promise<Answered> =>
      send(
        'PUT',
        path,
        {
          'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          'x-amz-decoded-content-length': bytes,
        },
        '4\r\ntext\r\n0\r\n\r\n',
      );
    for (const bytes of ['3', '5'])
      expect(await chunked(bytes)).toMatchObject({ status: 400, ...error('IncompleteBody') });
    expect(await chunked('4')).toMatchObject({ status: 200 });
    expect((await s3.content('lengths')).toString()).toBe('text');
  });

  test('with broken framing is refused, and the connection goes on', async () => {
    const body = `zz\r\n${'x'.repeat(1_000_000)}`;
    const headers = {
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'x-amz-decoded-content-length': '1000000',
    };
    const request = open('PUT', `/${BUCKET}/framing`, headers);
    request.end(body);
    expect(await answerTo(request)).toMatchObject({ status: 400, ...error('InvalidRequest') });
    const next = open('GET', `/${BUCKET}/framing`);
    next.end();
    expect(await answerTo(next)).toMatchObject({ status: 404 });
    expect(next.reusedSocket).toBe(true);
    await expectNothingIncoming();
  });

  test('waits for 100 Continue when its sender says so', async () => {
    const request = open('PUT', `/${BUCKET}/expected`, { expect: '100-continue', 'content-length': '4' });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('text');
    expect(await answerTo(request)).toMatchObject({ status: 200 });
    expect((await s3.content('expected')).toString()).toBe('text');
  });

  test('that is not what was signed is refused', async () => {
    const headers = { 'x-amz-content-sha256': 'a'.repeat(64), 'content-length': '4' };
    const mismatch = { status: 400, ...error('XAmzContentSHA256Mismatch') };
    expect(await send('PUT', `/${BUCKET}/other`, headers, 'text')).toMatchObject(mismatch);
  });
});

/** Files of requests that failed go when the server notices, which no answer tells. */
async function expectNothingIncoming(): Promise<void> {
  const folder = join(s3.dir, 'incoming');
  let files = await readdir(folder);
  while (files.length > 0) {
    await send('GET', '/');
    files = await readdir(folder);
  }
  expect(files).toEqual([]);
}
