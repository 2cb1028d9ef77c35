import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Tells whether a browser sent a request on behalf of another site. Browsers say so themselves in headers that
 * no page can forge: Sec-Fetch-Site, and Origin, whose host must be the one that was asked. Programs send
 * neither, and are not cross-site.
 */
export function isCrossSite(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  const { origin, host } = headers;
  return origin !== undefined && hostOf(origin) !== host?.toLowerCase();
}

/** Refuses cross-site requests that change something: browsers attach Basic credentials to them unasked. */
export function refuseCrossSite(): RequestHandler {
  return (request, response, next) => {
    if (SAFE_METHODS.has(request.method) || !isCrossSite(request.headers)) next();
    else response.status(403).json({ error: 'a change must come from the dashboard’s own pages' });
  };
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
