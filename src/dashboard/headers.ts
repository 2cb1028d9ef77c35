import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** How long browsers shall ask for nothing but HTTPS once they have: a year, in seconds. */
const HSTS_SECONDS = 31_536_000;

/** What the dashboard's own pages may load: what it serves itself, and nothing inline. */
const OWN_PAGES = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'"],
  connectSrc: ["'self'"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
};

/** Bull Board's page has inline styles, its editor makes style elements, and it has a base element. Scripts are as strict. */
const BOARD = {
  defaultSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  objectSrc: ["'none'"],
  baseUri: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
};

/**
 * Sets the headers that keep browsers from being talked into something. Answers are not kept by caches, unless a
 * handler says otherwise.
 */
export function securityHeaders(): RequestHandler {
  const [overHttp, overHttps] = [false, { maxAge: HSTS_SECONDS, includeSubDomains: false }].map(
    (strictTransportSecurity) =>
      helmet({
        contentSecurityPolicy: { useDefaults: false, directives: OWN_PAGES },
        referrerPolicy: { policy: 'same-origin' },
        strictTransportSecurity,
        xFrameOptions: { action: 'deny' },
      }),
  );
  return (request, response, next) => {
    response.set('Cache-Control', 'no-store');
    (request.secure ? overHttps : overHttp)?.(request, response, next);
  };
}

/** Sets the content security policy of Bull Board's pages instead. */
export function boardHeaders(): RequestHandler {
  return helmet.contentSecurityPolicy({ useDefaults: false, directives: BOARD });
}
