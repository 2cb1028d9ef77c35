import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { AppViewRoute } from '@bull-board/api/typings/app';
import { ExpressAdapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import type { Express } from 'express';
import type { Log } from '../observability/log.js';
import { messageFor, noteError, statusOf } from './errors.js';

/** Where the board stands on the dashboard. */
export const BOARD_PATH = '/queues';

/** A queue on the board. */
export interface BoardQueue {
  readonly queue: Queue;
  /** One sentence that tells operators what its jobs do. */
  readonly description: string;
}

/** Makes the board of all queues, to be mounted at {@link BOARD_PATH}. */
export function createBoard(queues: readonly BoardQueue[], log: Log): Express {
  const adapter = new BoardAdapter(log);
  adapter.setBasePath(BOARD_PATH);
  createBullBoard({
    queues: queues.map(({ queue, description }) => new BullMQAdapter(queue, { description })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'log-courier' } },
  });
  return adapter.board;
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
    this.app[route.method](route.route, (_request, response, next) => {
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
