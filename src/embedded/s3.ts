import { compiledFile } from './compiled-file.js';
import { startEngine, type Engine, type EngineOptions } from './engine.js';

/** Folder of the objects below the directory of the embedded S3: a folder a bucket. */
export const OBJECTS = 'objects';

/** The only credentials that the embedded S3 takes; they are part of s3rver, and no secret. */
export const S3_CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } as const;

/**
 * Starts an S3 server (s3rver) on 127.0.0.1: good for demonstrations and tests. It accepts If-None-Match
 * without honouring it.
 *
 * @throws EngineMissingError when s3rver is not installed, EngineStartError when it does not start
 */
export async function startS3(options: EngineOptions): Promise<Engine> {
  return startEngine({
    name: 's3',
    file: compiledFile(import.meta.url, 'embedded/s3/main.js'),
    dir: options.dir,
    options: { directory: options.dir, port: options.port ?? 0 },
    urlScheme: 'http',
    // s3rver makes the tokens of long listings with DES, which OpenSSL 3 keeps among its legacy algorithms.
    nodeFlags: ['--openssl-legacy-provider'],
    signal: options.signal,
  });
}
