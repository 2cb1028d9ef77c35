import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { scaled, type Benchmark, type Figure, type Headline } from '../benchmark.js';
import { writeStand } from '../data/dashboard.js';
import { addLightRecords, hourlyOrders } from '../data/retained.js';
import { startCourier, type Courier } from '../lab/courier.js';
import { peakBytes } from '../lab/process-cost.js';
import { openSite } from '../lab/site.js';
import { startSink } from '../lab/sink-process.js';
import { quantile } from '../statistics.js';
import { figure } from './figures.js';

const BUCKETS = 10_000;
const FAILURES = 1000;
const HOURS = 24;
const RECORDS_AN_HOUR = 4;
const REQUESTS = 200;
/** Requests under way at the same time: as many as a page has when it is opened. */
const AT_THE_SAME_TIME = 4;
/** What each answer is to take at most, in ms: 95 of 100. */
const GOAL_MS = 200;

/** `dashboard`: how long the JSON API takes to answer, with many buckets and many failures. */
export const dashboard: Benchmark = {
  names: ['dashboard'],
  run: async ({ lab, rounds, scale, say }) => {
    const sink = await startSink();
    const site = await openSite(lab, sink, 'bench_dashboard');
    const buckets = scaled(BUCKETS, scale, 20);
    const failures = Math.min(buckets, scaled(FAILURES, scale, 2));
    const now = Math.floor(Date.now() / 1000);
    const day = { buckets, count: buckets * HOURS * RECORDS_AN_HOUR, spanSeconds: HOURS * 3600 };
    let courier: Courier | undefined;
    try {
      say(`writing a day of ${String(buckets)} buckets`);
      await addLightRecords(site, { ...day, beginSeconds: now - HOURS * 3600 - 120 });
      const orders = await hourlyOrders(site);
      const last = new Map(orders.map((order) => [order.bucket, order.id]));
      const stuck = new Set([...last.values()].slice(0, failures));
      await writeStand(site, {
        delivered: orders.filter(({ id }) => !stuck.has(id)),
        failed: orders.filter(({ id }) => stuck.has(id)),
      });
      // Some wait for their time.
      await addLightRecords(site, { count: buckets, buckets, beginSeconds: now - 60, spanSeconds: 30 });
      const started = performance.now();
      const logFile = join(lab.logs, 'dashboard.log');
      courier = startCourier({ roles: 'dashboard', environment: site.environment, logFile });
      await courier.runs;
      const url = await urlOf(courier);
      const readAfter = await untilRead(url, { buckets, failures }, started);
      const asked = new Map<string, readonly number[]>();
      for (const [name, path] of paths(buckets)) {
        say(`asking for ${name}`);
        asked.set(name, await times(url, path, scaled(REQUESTS, Math.min(1, scale), 10) * rounds));
      }
      return [
        {
          benchmark: 'dashboard',
          method:
            'A process `run --roles dashboard` over the order book of a day, one order an hour and bucket. Each ' +
            `address is asked ${String(AT_THE_SAME_TIME)} times at the same time, again and again, while the figures are read in the background as if somebody watched.`,
          rounds,
          scale,
          settings: site.changed,
          data: { buckets, failures, orders: orders.length },
          headlines: headlinesOf(asked, readAfter),
          figures: [
            ...figuresOf(asked),
            figure('dashboard', 'peak of memory', 'MB', [peakBytes(courier.pid) / 1e6]),
          ],
        },
      ];
    } finally {
      await courier?.stop();
      await site.close();
      await sink.stop();
    }
  },
};

/** What is asked for, and where; the number says which of the requests it is. */
function paths(buckets: number): ReadonlyMap<string, (request: number) => string> {
  const lastPage = Math.max(1, Math.floor(buckets / 50));
  return new Map<string, (request: number) => string>([
    ['/api/overview', () => '/api/overview'],
    ['/api/sources', () => '/api/sources'],
    ['/api/sources, sorted by age', () => '/api/sources?sort=oldestAgeSeconds&direction=desc'],
    ['/api/sources, searched', (request) => `/api/sources?search=${String(request % 100)}`],
    ['/api/sources, some page', (request) => `/api/sources?page=${String(1 + (request % lastPage))}`],
    ['/api/failures', () => '/api/failures'],
    ['/api/history, an hour', () => '/api/history?span=hour'],
    ['/api/history, a day', () => '/api/history?span=day'],
    ['/api/source', (request) => `/api/source?source=bench-${String(request % buckets).padStart(5, '0')}`],
    ['/api/changes', () => '/api/changes'],
  ]);
}

async function urlOf(courier: Courier): Promise<string> {
  const line = (await courier.log()).find(({ msg }) => msg === 'dashboard listening');
  return z.object({ url: z.string() }).parse(line).url;
}

const read = z.object({ pipelines: z.array(z.object({ sources: z.number(), stuckSources: z.number() })) });

/** Waits until everything has been read once; answers how long that took, in seconds. */
async function untilRead(
  url: string,
  { buckets, failures }: { readonly buckets: number; readonly failures: number },
  started: number,
): Promise<number> {
  for (;;) {
    const { pipelines } = read.parse(await (await fetch(`${url}/api/overview`)).json());
    if (pipelines.every(({ sources, stuckSources }) => sources === buckets && stuckSources === failures))
      return (performance.now() - started) / 1000;
    await sleep(50);
  }
}

/** How long each of some requests took, to the last byte of its answer, in ms. */
async function times(
  url: string,
  pathOf: (request: number) => string,
  requests: number,
): Promise<readonly number[]> {
  const took: number[] = [];
  let next = 0;
  const askOn = async (): Promise<void> => {
    while (next < requests) {
      const path = pathOf(next);
      next += 1;
      const began = performance.now();
      const response = await fetch(`${url}${path}`);
      await response.arrayBuffer();
      took.push(performance.now() - began);
      if (!response.ok) throw new Error(`${path} answered ${String(response.status)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_THE_SAME_TIME }, askOn));
  return took;
}

function headlinesOf(asked: ReadonlyMap<string, readonly number[]>, readAfter: number): readonly Headline[] {
  return [
    ...[...asked].map(([name, took]) => ({
      what: `${name}, 95 of 100`,
      value: quantile(took, 0.95),
      unit: 'ms',
      goal: { atMost: GOAL_MS },
    })),
    { what: 'from the start of the process until all figures are there', value: readAfter, unit: 's' },
  ];
}

function figuresOf(asked: ReadonlyMap<string, readonly number[]>): readonly Figure[] {
  return [...asked].flatMap(([name, took]) => [
    figure(name, 'median', 'ms', [quantile(took, 0.5)]),
    figure(name, '99 of 100', 'ms', [quantile(took, 0.99)]),
  ]);
}
