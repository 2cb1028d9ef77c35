import { ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3';
import { answersAtAll } from '../destinations/s3/errors.js';
import type { PipelineEngine } from './engine.js';

/** The S3 server that the settings name, as an engine of every pipeline that delivers to it. */
export function s3Engine(s3: S3Client): PipelineEngine {
  return {
    engine: 's3',
    advice: 'S3 does not answer; check s3.endpoint and that the server is up, then try again',
    check: async (signal) => {
      try {
        await s3.send(new ListBucketsCommand({ MaxBuckets: 1 }), { abortSignal: signal });
      } catch (error) {
        if (!answersAtAll(error)) throw error;
      }
    },
  };
}
