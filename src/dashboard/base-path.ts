import type { RequestHandler } from 'express';

/**
 * Takes the base path off the addresses of requests. Proxies that have taken it off themselves are served just as well.
 *
 * @param basePath `/log-courier`; empty for none
 */
export function belowBasePath(basePath: string): RequestHandler {
  return (request, response, next) => {
    const { url } = request;
    if (basePath !== '' && url === basePath && request.method === 'GET') {
      response.redirect(308, `${basePath}/`);
      return;
    }
    if (basePath !== '' && url.startsWith(`${basePath}/`)) request.url = url.slice(basePath.length);
    next();
  };
}
