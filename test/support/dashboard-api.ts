import { silentLog } from '../../src/observability/log.js';
import { healthChecks } from '../../src/cli/assembly.js';
import { startDashboard, type Dashboard } from '../../src/dashboard/server.js';
import type { Workbench } from './workbench.js';

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A dashboard of a workbench, asked as a program does. */
export interface DashboardApi {
  readonly url: string;
  readonly dashboard: Dashboard;
  readonly get: (path: string) => Promise<ApiAnswer>;
  readonly post: (path: string, body?: unknown) => Promise<ApiAnswer>;
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
  return {
    url: dashboard.url,
    dashboard,
    get: (path) => ask(path),
    post: (path, body) =>
      ask(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body ?? {}),
      }),
  };
}

/** Asks again until the answer is as wanted, and answers that; the test's own time limit ends it otherwise. */
export async function until<Answer>(
  ask: () => Promise<Answer>,
  isWanted: (answer: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
