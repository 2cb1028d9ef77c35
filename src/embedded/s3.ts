import { compiledFile } from './compiled-file.js';
import { startEngine, type Engine, type EngineOptions } from './engine.js';

/** Folder of the objects below the directory of the embedded S3: a folder a bucket. */
export const OBJECTS = 'objects';

/** The only credentials that the embedded S3 takes; they are no secret. */
export const S3_CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } as const;

/** How to start the embedded S3. */
export interface S3Options extends EngineOptions {
  /** Honours If-Match and If-None-Match of writes; false ignores them, as older S3 servers do. Default: true. */
  readonly conditionalWrites?: boolean;
  /** Writes every object that is put or deleted down in `journal.jsonl`, in the directory. Default: false. */
  readonly journal?: boolean;
  /** Smallest part of a multipart upload that is not its last, in bytes. AWS demands 5 MiB. Default: 0. */
  readonly minPartBytes?: number;
}

/**
 * Starts an S3 server on 127.0.0.1, for demonstrations, tests and benchmarks. It knows buckets, objects, multipart
 * uploads and conditional writes, in path style; what it does not know it refuses with NotImplemented.
 *
 * @throws EngineStartError when it does not start
 */
export async function startS3(options: S3Options): Promise<Engine> {
  const { dir, port = 0, conditionalWrites = true, journal = false, minPartBytes = 0, signal } = options;
  return startEngine({
    name: 's3',
    file: compiledFile(import.meta.url, 'embedded/s3/main.js'),
    dir,
    options: { directory: dir, port, conditionalWrites, journal, minPartBytes },
    urlScheme: 'http',
    signal,
  });
}
