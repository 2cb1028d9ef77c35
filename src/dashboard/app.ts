import express, { type Express, type RequestHandler } from 'express';
import type { Log } from '../observability/log.js';
import { refuseCrossSite } from './access/cross-site.js';
import { gate, type GateOptions } from './access/gate.js';
import { belowBasePath } from './base-path.js';
import { answerErrors, methodNotAllowed, notFound } from './errors.js';
import { securityHeaders } from './headers.js';
import type { Route } from './route.js';

/** What an app is made of. */
export interface AppOptions {
  readonly routes: readonly Route[];
  /** Who may come in; without it only routes for anyone may be given. */
  readonly gate?: GateOptions;
  /** Addresses of proxies whose X-Forwarded-… headers are believed, as Express reads them; empty for none. */
  readonly trustedProxies?: readonly string[];
  /** Host and port of the dashboard as its users know it. */
  readonly publicHost?: string | undefined;
  /** What stands at addresses of its own beside the routes, behind everything that is done with each request. */
  readonly mounts?: readonly { readonly path: string; readonly handlers: readonly RequestHandler[] }[];
  readonly log: Log;
}

/** Largest JSON body; the board has its own limit. */
const JSON_LIMIT = '64kb';
/** Largest form, of the page to log in, with everything that browsers may have to say in it. */
const FORM_LIMIT = '8kb';

/**
 * Makes the app that serves a list of routes, each for the role that it needs. What is not listed is not there: 404, or
 * 401 to those who have not said who they are.
 *
 * @throws {TypeError} when two routes have the same address, or a route needs a role and there is no gate
 */
export function createApp(options: AppOptions): Express {
  const { routes, trustedProxies = [], mounts = [], publicHost, log } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', trustedProxies.length === 0 ? false : trustedProxies);
  app.use(securityHeaders(), belowBasePath(options.gate?.basePath ?? ''), refuseCrossSite(publicHost));
  for (const route of unique(routes)) app[route.method](route.path, ...handlersOf(route, options.gate));
  for (const [path, methods] of methodsByPath(routes)) app.all(path, methodNotAllowed(methods));
  for (const { path, handlers } of mounts) app.use(path, ...handlers);
  if (options.gate !== undefined) app.use(gate(options.gate, () => 'viewer'));
  app.use(notFound(), answerErrors(log));
  return app;
}

function handlersOf(route: Route, options: GateOptions | undefined): readonly RequestHandler[] {
  const { role, handler, method } = route;
  const isForAnyone = role === 'anyone';
  const body = isForAnyone
    ? express.urlencoded({ extended: false, limit: FORM_LIMIT })
    : express.json({ limit: JSON_LIMIT });
  const parsers = method === 'get' ? [] : [body];
  if (isForAnyone) return [...parsers, handler];
  if (options === undefined) throw new TypeError(`${route.path} needs a role, and nobody can have one`);
  return [gate(options, () => role), ...parsers, handler];
}

function unique(routes: readonly Route[]): readonly Route[] {
  const names = routes.map(({ method, path }) => `${method} ${path}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`${twice} is listed twice`);
  return routes;
}

function methodsByPath(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes)
    methods.set(path, [...(methods.get(path) ?? []), method.toUpperCase()]);
  return methods;
}
