import { STATUS_CODES } from 'node:http';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { appRoutes } from '@bull-board/api/dist/routes.js';
import type { AppViewRoute } from '@bull-board/api/typings/app';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import type { Express, Request, RequestHandler, Response } from 'express';
import type { Log } from '../observability/log.js';
import { mayChange } from './access/cross-site.js';
import { messageFor, noteError, statusOf } from './errors.js';
import { boardHeaders } from './headers.js';
import { csrfTokenOf, identityOf, type ListedRoute, type Role } from './route.js';
import { boardChangeOf } from './trail/board-change.js';
import type { Trail } from './trail/trail.js';

/** Where the board stands on the dashboard. */
export const BOARD_PATH = '/queues';

/** A queue on the board. */
export interface BoardQueue {
  readonly queue: Queue;
  /** One sentence that tells operators what its jobs do. */
  readonly description: string;
}

/** What the board is made of. */
export interface BoardOptions {
  readonly queues: readonly BoardQueue[];
  /** Base path of the dashboard. */
  readonly basePath: string;
  readonly trail: Trail;
  readonly log: Log;
}

/**
 * Makes the board of all queues, to be mounted at {@link BOARD_PATH} behind the gate. There are two of it: viewers see
 * one without buttons. Changes are noted in the trail.
 */
export function createBoard({ queues, basePath, trail, log }: BoardOptions): readonly RequestHandler[] {
  const boardFor = (role: Role): Express => {
    const adapter = new BoardAdapter(log);
    adapter.setBasePath(`${basePath}${BOARD_PATH}`);
    const readOnlyMode = role === 'viewer';
    createBullBoard({
      queues: queues.map(({ queue, description }) => new BullMQAdapter(queue, { description, readOnlyMode })),
      serverAdapter: adapter,
      options: { uiConfig: { boardTitle: 'log-courier' } },
    });
    return adapter.board;
  };
  const boards = { viewer: boardFor('viewer'), operator: boardFor('operator') };
  return [
    boardHeaders(),
    allowCaching,
    noteChanges(trail),
    (request, response, next) => {
      boards[identityOf(response).role](request, response, next);
    },
  ];
}

/** The role that a request to the board needs: its API reads by GET and changes by everything else. */
export function boardRoleFor({ method }: Request): Role {
  return mayChange(method) ? 'operator' : 'viewer';
}

/** What the board's API offers, for the list of routes. */
export function boardRoutes(): readonly ListedRoute[] {
  return [appRoutes.entryPoint, ...appRoutes.api].flatMap((route) =>
    [route.method].flat().flatMap((method) =>
      [route.route].flat().map((path) => ({
        method,
        path: `${BOARD_PATH}${path}`,
        role: method === 'get' ? ('viewer' as const) : ('operator' as const),
        does: 'spec' in route ? route.spec.summary : 'The board',
      })),
    ),
  );
}

/** The board's scripts and styles may be kept by browsers, which ask whether they have changed. */
const allowCaching: RequestHandler = (request, response, next) => {
  if (request.path.startsWith('/static/')) response.set('Cache-Control', 'private, no-cache');
  next();
};

function noteChanges(trail: Trail): RequestHandler {
  return (request, response, next) => {
    const { method, path } = request;
    if (mayChange(method)) {
      const by = identityOf(response).name;
      response.once('close', () => {
        void trail.note({ by, ...boardChangeOf(method, path), outcome: outcomeOf(response) });
      });
    }
    next();
  };
}

function outcomeOf({ statusCode, writableFinished }: Response): string {
  if (!writableFinished) return 'not known: the connection ended';
  return statusCode < 400 ? 'done' : `failed: ${STATUS_CODES[statusCode] ?? String(statusCode)}`;
}

/** Bull Board's adapter, without its web fonts from another host, its stack traces and its X-Powered-By. */
class BoardAdapter extends ExpressAdapter {
  readonly #log: Log;

  constructor(log: Log) {
    super();
    this.#log = log;
    this.app.disable('x-powered-by');
  }

  get board(): Express {
    return this.app;
  }

  override setEntryRoute(route: AppViewRoute): this {
    this.app[route.method](route.route, (request, response, next) => {
      // The board's pages send what this cookie holds as X-XSRF-TOKEN with each change.
      response.cookie('XSRF-TOKEN', csrfTokenOf(response), {
        path: this.basePath,
        sameSite: 'strict',
        secure: request.secure,
      });
      const { name, params } = route.handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      response.render(name, params, (error: unknown, html?: string) => {
        if (html === undefined) next(error);
        else response.send(withoutOtherHosts(html));
      });
    });
    return this;
  }

  override setErrorHandler(): this {
    return super.setErrorHandler((error) => {
      const status = statusOf(error) < 500 ? 400 : 500;
      noteError(this.#log, error, { status });
      return {
        status,
        body: { error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' }, message: messageFor(status) },
      };
    });
  }
}

/** Takes out links to style sheets on other hosts, which an operator's network may not reach. */
function withoutOtherHosts(html: string): string {
  return html.replaceAll(/<link\b[^>]*\bhref="https?:[^>]*>/g, '');
}
