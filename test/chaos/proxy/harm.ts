import type { IncomingHttpHeaders } from 'node:http';

/** What is known of a request when its head has come. */
export interface RequestHead {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * What a proxy does to a request.
 *
 * - `answer`: answers by itself; the server behind never sees the request
 * - `hold`: says nothing for a time, then resets the connection; the server behind never sees the request
 * - `cut-request`: both connections are reset after some bytes of the request's body
 * - `drop-answer`: the server behind does it, but its answer is lost
 * - `cut-answer`: both connections are reset after some bytes of the answer's body
 * - `late`: the whole request is kept back for a time and then passed on, though the client may long have given up
 */
export type Harm =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'hold'; readonly milliseconds: number }
  | { readonly kind: 'cut-request'; readonly afterBytes: number }
  | { readonly kind: 'drop-answer' }
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }
  | { readonly kind: 'late'; readonly milliseconds: number };

/** Decides on a request; undefined lets it pass, or leaves it to the next rule. */
export type Rule = (request: RequestHead) => Harm | undefined;
