import type { Response } from 'express';
import type { OverviewService } from '../overview/service.js';
import type { Route } from '../route.js';
import { answering, ApiError, parsed } from './answer.js';
import { noQuery } from './requests.js';

/** Clients at the same time; each holds a connection. */
const MOST_CLIENTS = 200;
/** Least time between two `overview` events, in ms. */
const EVERY_MS = 2000;
/** Time between two signs of life, in ms: proxies end connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** Bytes that may wait for a client; one that is slower is cut off, and comes back by itself. */
const MOST_WAITING_BYTES = 1024 * 1024;
/** Time until a browser comes back when it has lost the connection, in ms. */
const RETRY_MS = 3000;

/** `GET /api/events`: server-sent events, for as long as somebody listens. */
export function eventRoutes(overview: OverviewService): readonly Route[] {
  const stream = new EventStream(overview);
  return [
    {
      method: 'get',
      path: '/api/events',
      role: 'viewer',
      does: 'Server-sent events: `overview` when it is another, `failures` when those of a pipeline are others',
      handler: answering(({ request, response }) => {
        parsed(noQuery, request.query);
        stream.add(response);
      }),
    },
  ];
}

/** Tells clients of what changes. */
class EventStream {
  readonly #overview: OverviewService;
  readonly #clients = new Map<Response, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #told = '';
  #toldAt = -Infinity;

  constructor(overview: OverviewService) {
    this.#overview = overview;
    overview.on('overview', () => {
      this.#tellSoon();
    });
    overview.on('failures', (pipeline) => {
      this.#send(eventText('failures', { pipeline }));
    });
    overview.once('end', () => {
      for (const client of [...this.#clients.keys()]) client.end();
    });
  }

  /**
   * Begins to tell a client.
   *
   * @throws {ApiError} 503 when there are too many
   */
  add(client: Response): void {
    if (this.#clients.size >= MOST_CLIENTS)
      throw new ApiError(
        503,
        `${String(MOST_CLIENTS)} clients listen already; ask /api/overview now and then`,
      );
    client.status(200).set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    client.flushHeaders();
    this.#clients.set(client, this.#overview.watch());
    client.once('close', () => {
      this.#remove(client);
    });
    client.write(`retry: ${String(RETRY_MS)}\n${eventText('overview', this.#overview.overview())}`);
    this.#heartbeat ??= setInterval(() => {
      // An event, not a comment: browsers tell pages nothing of comments, and pages notice silence.
      this.#send(eventText('ping', {}));
    }, HEARTBEAT_MS);
  }

  #remove(client: Response): void {
    this.#clients.get(client)?.();
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    [this.#heartbeat, this.#timer] = [undefined, undefined];
  }

  #tellSoon(): void {
    if (this.#clients.size === 0) return;
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#tell();
      },
      Math.max(0, this.#toldAt + EVERY_MS - performance.now()),
    );
  }

  #tell(): void {
    const overview = this.#overview.overview();
    // The time of the answer alone is no change.
    const told = JSON.stringify({ ...overview, at: '' });
    if (told === this.#told) return;
    this.#told = told;
    this.#toldAt = performance.now();
    this.#send(eventText('overview', overview));
  }

  #send(text: string): void {
    for (const client of [...this.#clients.keys()]) {
      if (client.writableLength > MOST_WAITING_BYTES) client.destroy();
      else client.write(text);
    }
  }
}

/** One event; JSON has no line breaks. */
function eventText(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
