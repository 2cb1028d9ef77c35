import { once } from 'node:events';
import { get, IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { healthChecks } from '../../src/cli/assembly.js';
import type { Overview } from '../../src/dashboard/api/shapes.js';
import { startDashboard, type Dashboard } from '../../src/dashboard/server.js';
import { silentLog } from '../../src/observability/log.js';
import { overviewSchema } from './api-schemas.js';
import type { Workbench } from './workbench.js';

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** One server-sent event. */
export interface ServerEvent {
  readonly name: string;
  readonly data: unknown;
}

/** A dashboard of a workbench, asked as a program does. */
export interface DashboardApi {
  readonly dashboard: Dashboard;
  readonly get: (path: string) => Promise<ApiAnswer>;
  readonly post: (path: string, body?: unknown) => Promise<ApiAnswer>;
  /** The server-sent events, until the connection ends. */
  readonly events: () => AsyncGenerator<ServerEvent>;
  /** Waits until the overview that is sent is as wanted. */
  readonly overviewWhere: (isWanted: (overview: Overview) => boolean) => Promise<Overview>;
}

/** Starts one; it is closed with the workbench. */
export async function openDashboard({ here, queues, atEnd }: Workbench): Promise<DashboardApi> {
  const { store, settings } = here;
  const dashboard = await startDashboard({
    settings,
    metrics: store.metrics,
    log: silentLog(),
    checks: healthChecks(store, queues.redis),
    redis: queues.redis,
    queues: [],
    work: { version: '1.2.3', discovery: queues.discovery, deliveries: queues.deliveries },
  });
  atEnd(() => dashboard.close());
  const ask = async (path: string, init?: RequestInit): Promise<ApiAnswer> => {
    const response = await fetch(`${dashboard.url}${path}`, init);
    return { status: response.status, body: await response.json() };
  };
  const events = (): AsyncGenerator<ServerEvent> => serverEvents(`${dashboard.url}/api/events`);
  return {
    dashboard,
    events,
    get: (path) => ask(path),
    post: (path, body) =>
      ask(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body ?? {}),
      }),
    overviewWhere: async (isWanted) => {
      for await (const { name, data } of events()) {
        if (name !== 'overview') continue;
        const overview = overviewSchema.parse(data);
        if (isWanted(overview)) return overview;
      }
      throw new Error('the events have ended');
    },
  };
}

async function* serverEvents(url: string): AsyncGenerator<ServerEvent> {
  const asked = get(url);
  const [response] = z.tuple([z.instanceof(IncomingMessage)]).parse(await once(asked, 'response'));
  try {
    let name = '';
    for await (const line of createInterface({ input: response })) {
      if (line.startsWith('event: ')) name = line.slice('event: '.length);
      if (line.startsWith('data: ')) yield { name, data: JSON.parse(line.slice('data: '.length)) };
    }
  } finally {
    response.destroy();
  }
}
