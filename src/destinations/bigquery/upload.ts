import { z } from 'zod';
import { StoreError } from '../errors.js';
import { classifyGoogleError } from '../google-errors.js';
import type { BigQueryDataset } from './dataset.js';

/** How long giving up an upload that was begun may take; ms. */
const CLEAN_UP_MS = 10_000;

const headersShape = z.object({ location: z.string().optional(), range: z.string().optional() });

interface Reply {
  readonly status: number;
  readonly headers: z.infer<typeof headersShape>;
}

/**
 * Begins a job with content that is uploaded. There is no job before the last byte has arrived and was said to be the
 * last: content that breaks off leaves nothing. The library's own way, one request of any length, cannot be broken off,
 * nor be repeated; so this is Google's protocol of uploads in pieces, by the library's requests.
 * https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable
 *
 * @param job resource of the job
 * @returns true when the job was begun now; false when there is one of that id already, or may be
 * @throws what the content throws, and StoreError
 */
export async function uploadJob(
  dataset: BigQueryDataset,
  job: object,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<boolean> {
  const session = await begin(dataset, job, signal);
  if (session === undefined) return false;
  try {
    const piece = Buffer.allocUnsafeSlow(dataset.chunkBytes);
    let filled = 0;
    let sent = 0;
    for await (const chunk of content) {
      for (let at = 0; at < chunk.byteLength;) {
        if (filled === piece.length) {
          await sendPiece(dataset, { session, piece, from: sent, total: undefined }, signal);
          sent += filled;
          filled = 0;
        }
        const fitting = chunk.subarray(at, at + piece.length - filled);
        piece.set(fitting, filled);
        filled += fitting.byteLength;
        at += fitting.byteLength;
      }
    }
    const last = { session, piece: piece.subarray(0, filled), from: sent, total: sent + filled };
    return await sendPiece(dataset, last, signal);
  } catch (error) {
    await abandon(session);
    throw error;
  }
}

async function begin(
  dataset: BigQueryDataset,
  job: object,
  signal: AbortSignal,
): Promise<string | undefined> {
  const projectId = await dataset.projectId(signal);
  const { apiEndpoint } = await dataset.client();
  const uri = `${apiEndpoint}/upload/bigquery/v2/projects/${projectId}/jobs`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { status, headers } = await send(dataset, signal, {
        method: 'POST',
        uri,
        qs: { uploadType: 'resumable' },
        headers: { 'content-type': 'application/json', 'x-upload-content-type': 'application/octet-stream' },
        body: Buffer.from(JSON.stringify(job)),
      });
      if (status === 409) return undefined;
      if (headers.location !== undefined) return headers.location;
      throw unexpected('the upload has no address');
    } catch (error) {
      await dataset.pauseOrThrow(attempt, error, signal);
    }
  }
}

interface Piece {
  readonly session: string;
  readonly piece: Buffer;
  /** Where the piece begins in the content. */
  readonly from: number;
  /** Bytes of the content, when this is its last piece. */
  readonly total: number | undefined;
}

/**
 * Sends a piece until all of it has arrived. What has become of a request without an answer is asked first.
 *
 * @returns false when the last piece showed that there may be such a job already
 */
async function sendPiece(dataset: BigQueryDataset, given: Piece, signal: AbortSignal): Promise<boolean> {
  const { session, piece, from, total } = given;
  const end = from + piece.length;
  const of = total === undefined ? '*' : String(total);
  let arrived = from;
  let isKnown = true;
  for (let attempt = 0; ;) {
    try {
      const rest = piece.subarray(arrived - from);
      const range = isKnown && rest.length > 0 ? `${String(arrived)}-${String(end - 1)}` : '*';
      const { status, headers } = await send(dataset, signal, {
        method: 'PUT',
        ...addressOf(session),
        headers: { 'content-range': `bytes ${range}/${of}` },
        body: range === '*' ? Buffer.alloc(0) : rest,
      });
      if (status === 409) return false;
      if (status !== 308) return true;
      const now = headers.range === undefined ? 0 : Number(headers.range.split('-')[1]) + 1;
      if (now < from || now > end) throw unexpected(`${String(now)} bytes have arrived`);
      if (now === end && total === undefined) return true;
      // Nothing of what was sent has arrived, or the end was not taken for it: not for ever.
      if (isKnown && now <= arrived) throw unexpected('nothing of it has arrived');
      arrived = now;
      isKnown = true;
    } catch (error) {
      // An upload that nobody knows any more is over: with a job, which can be looked for, or without one.
      if (total !== undefined && !isKnown && isGone(error)) return false;
      await dataset.pauseOrThrow(attempt, error, signal);
      attempt += 1;
      isKnown = false;
    }
  }
}

/** An answer, also when the library takes it for an error: 308 means go on, and 409 that there is such a job. */
async function send(
  dataset: BigQueryDataset,
  signal: AbortSignal,
  request: {
    readonly method: string;
    readonly uri: string;
    readonly qs?: Readonly<Record<string, string>>;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
  },
): Promise<Reply> {
  const client = await dataset.client();
  return dataset.doing(
    'upload to BigQuery',
    signal,
    () =>
      new Promise<Reply>((resolve, reject) => {
        client.request({ ...request, maxRetries: 0 }, (error, _, response) => {
          const status = error === null ? 200 : classifyGoogleError(error)?.status;
          const isAnswer = status === 200 || status === 308 || status === 409;
          if (isAnswer) resolve({ status, headers: headersOf(response ?? error) });
          else reject(error ?? new Error('no answer'));
        });
      }),
  );
}

function isGone(error: unknown): boolean {
  const status = error instanceof StoreError ? classifyGoogleError(error.cause)?.status : undefined;
  return status === 404 || status === 410;
}

/** In parts, since the library puts a parameter of its own behind what it is given. */
function addressOf(session: string): { readonly uri: string; readonly qs: Readonly<Record<string, string>> } {
  const { origin, pathname, searchParams } = new URL(session);
  return { uri: origin + pathname, qs: Object.fromEntries(searchParams) };
}

function headersOf(response: unknown): Reply['headers'] {
  const answer = z.union([
    z.object({ headers: headersShape }),
    z.object({ response: z.object({ headers: headersShape }) }).transform(({ response: inner }) => inner),
  ]);
  return answer.safeParse(response).data?.headers ?? {};
}

function unexpected(what: string): StoreError {
  return new StoreError({
    store: 'bigquery',
    doing: 'upload to BigQuery',
    code: 'UploadBrokenOff',
    permanent: false,
    away: false,
    answer: `the upload cannot be continued: ${what}`,
  });
}

/** Gives an upload up; its address is the right to do so. */
async function abandon(session: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEAN_UP_MS);
  await fetch(session, { method: 'DELETE', signal }).catch(() => undefined);
}
