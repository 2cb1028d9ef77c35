import type { Request } from 'express';
import type { Identity, Route } from '../route.js';

/** Who came, as far as can be found out. */
export type Finding =
  | {
      readonly kind: 'known';
      readonly identity: Identity;
      /** What a change has to bring along when it comes from a browser. */
      readonly csrfToken: string;
      /** A session's cookie is a browser's, whatever else the request says. */
      readonly bySession: boolean;
    }
  /** No credentials were given. */
  | { readonly kind: 'stranger' }
  /** Wrong credentials were given. */
  | { readonly kind: 'refused' }
  /** Too many wrong ones were given lately: there is no look at these. */
  | { readonly kind: 'too-many'; readonly retryAfterSeconds: number }
  /** Nobody needs credentials, but only on this machine, and by its own names. */
  | { readonly kind: 'wrong-host' };

/** Who may come in, and how. */
export interface Access {
  /** Finds out who sent a request. */
  find(request: Request): Promise<Finding>;
  /** Where to log in and out. */
  readonly routes: readonly Route[];
  /** Whether there is a page to log in at, for browsers that are asked who they are. */
  readonly hasLoginPage: boolean;
}
