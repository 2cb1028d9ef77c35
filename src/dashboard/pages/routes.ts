import type { Request, RequestHandler } from 'express';
import { identityOf, type Route } from '../route.js';
import { loadAssets } from './assets.js';
import { shell, type Frame, type PageOf } from './shell.js';

/** What the pages need. */
export interface PageParts {
  /** Where the dashboard is mounted: empty, or a path like `/log-courier` without a slash at its end. */
  readonly basePath: string;
  /** Version of log-courier. */
  readonly version: string;
  /** Whether people log in at a page, and so can log out. */
  readonly hasLogin: boolean;
}

/** The pages that people see, and what they load. */
export function pageRoutes(parts: PageParts): readonly Route[] {
  const assets = loadAssets();
  const page = (of: (request: Request) => PageOf): RequestHandler => {
    return (request, response) => {
      const frame: Frame = {
        base: `${parts.basePath}/`,
        assets: assets.path,
        version: parts.version,
        identity: identityOf(response),
        hasLogin: parts.hasLogin,
      };
      response
        .set({ 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' })
        .send(shell(frame, of(request)));
    };
  };
  return [
    {
      method: 'get',
      path: '/',
      role: 'viewer',
      does: 'The overview page.',
      handler: page(() => ({ title: 'Overview', current: 'overview', script: 'overview.js' })),
    },
    {
      method: 'get',
      path: '/source',
      role: 'viewer',
      does: 'The page of one source: where are its logs?',
      handler: page(({ query }) => ({ title: nameIn(query['source']), script: 'source.js' })),
    },
    assets.route,
  ];
}

/** Longest name in a title; browsers show less. */
const LONGEST_TITLE = 100;

function nameIn(source: unknown): string {
  return typeof source === 'string' && source !== '' ? source.slice(0, LONGEST_TITLE) : 'Source';
}
