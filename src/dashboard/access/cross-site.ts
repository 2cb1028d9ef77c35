import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Tells whether a method may change something. */
export function mayChange(method: string): boolean {
  return !SAFE_METHODS.has(method);
}

/**
 * Tells whether a browser sent a request on behalf of another site. Browsers say so themselves in headers that
 * no page can forge: Sec-Fetch-Site, and Origin, whose host must be the one that was asked. Programs send
 * neither, and are not cross-site.
 *
 * @param hosts the hosts that the dashboard is reached by, with their ports: the one that was asked, and the public one
 */
export function isCrossSite(
  headers: IncomingHttpHeaders,
  hosts: readonly (string | undefined)[] = [headers.host],
): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  const { origin } = headers;
  if (origin === undefined) return false;
  const from = hostOf(origin);
  return from === undefined || !hosts.some((host) => host?.toLowerCase() === from);
}

/** Tells whether a browser sent a request, as far as it shows: every browser marks its changes with one of these. */
export function isFromBrowser(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-site'] !== undefined || headers.origin !== undefined;
}

/**
 * Refuses cross-site requests that change something: browsers attach cookies and Basic credentials to them unasked.
 *
 * @param publicHost host and port of the dashboard as its users know it; undefined when not known
 */
export function refuseCrossSite(publicHost?: string): RequestHandler {
  return (request, response, next) => {
    if (!mayChange(request.method) || !isCrossSite(request.headers, [request.host, publicHost])) next();
    else response.status(403).json({ error: 'a change must come from the dashboard’s own pages' });
  };
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
