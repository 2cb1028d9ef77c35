import { googleAnswer, type Answer, type Asked } from './http-requests.js';

/** What has come of a resumable upload so far. */
export interface ResumableUpload {
  readonly pieces: Buffer[];
  bytes: number;
}

/** Pieces but the last are multiples of this. */
const PIECE = 256 * 1024;

/**
 * Takes a piece of an upload, or a question how far it is, by Google's rules.
 * https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
 *
 * @param outOfTurn the answer to a piece that is not the next one
 * @returns the answer when it is refused; else how many bytes the whole has, if that was said
 */
export function takePiece(
  { headers, body }: Asked,
  upload: ResumableUpload,
  outOfTurn: Answer,
): { readonly refused: Answer } | { readonly total: number | undefined } {
  const invalid = (message: string) => ({ refused: googleAnswer(400, 'invalid', message) });
  const range = /^bytes (?:(?<from>\d+)-(?<to>\d+)|\*)\/(?<total>\d+|\*)$/.exec(
    headers['content-range'] ?? '',
  )?.groups;
  if (range === undefined) return invalid('no Content-Range');
  const total = range['total'] === '*' ? undefined : Number(range['total']);
  if (range['from'] === undefined) return { total };
  const from = Number(range['from']);
  const length = Number(range['to']) - from + 1;
  if (length !== body.length) return invalid('the piece has another length');
  if (from !== upload.bytes) return { refused: outOfTurn };
  if (total === undefined && length % PIECE !== 0) return invalid('the piece is not a multiple of 256 KiB');
  upload.pieces.push(body);
  upload.bytes += length;
  return { total };
}

/** Says how far an upload is that is not complete. */
export function goOn({ bytes }: ResumableUpload): Answer {
  return { status: 308, headers: bytes === 0 ? {} : { range: `bytes=0-${String(bytes - 1)}` } };
}
