declare module 's3rver' {
  import type { RequestListener } from 'node:http';

  /** The part of s3rver 3.7 that log-courier uses; the package brings no types. */
  export default class S3rver {
    constructor(options: {
      readonly directory: string;
      readonly silent: boolean;
      readonly vhostBuckets: boolean;
    });
    /** Answers requests, for a server of one's own. */
    callback(): RequestListener;
  }
}
