import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { healthChecks } from '../../src/cli/assembly.js';
import { hashToken, randomToken } from '../../src/dashboard/access/token.js';
import { startDashboard, type Dashboard } from '../../src/dashboard/server.js';
import { seeded } from '../chaos/random.js';
import { brokenHttp } from '../support/broken-http.js';
import { deliverAll } from '../support/deliveries.js';
import { hostileRequest, type HostileRequest } from '../support/hostile-requests.js';
import { INJECTED_HEADER, MARK } from '../support/hostile-texts.js';
import { readableLog } from '../support/readable-log.js';
import { useWorkbench } from '../support/test-workbench.js';

const SEED = 5;
const WELL_FORMED = 9000;
const BROKEN = 1000;
const AT_ONCE = 16;

const [OPERATOR, VIEWER] = [randomToken(), randomToken()];
const CREDENTIALS = [
  `Bearer ${OPERATOR}`,
  `Bearer ${VIEWER}`,
  'Basic cm9vdDpodW50ZXIy',
  'Bearer wrong',
] as const;

const open = useWorkbench('dashboard-fuzz');
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
const { log, lines } = readableLog();
const dir = mkdtempSync(join(tmpdir(), 'dashboard-fuzz-'));
let dashboard: Dashboard;

afterAll(() => {
  agent.destroy();
  rmSync(dir, { recursive: true });
});

/** Starts a dashboard with users, and with work whose names are hostile too: some delivered, some failed. */
async function start(): Promise<void> {
  const { here, queues, target, atEnd, ...bench } = await open();
  await here.createBucket(target);
  await here.addRecords({ bucket: MARK, target, count: 3 });
  await here.addRecords({ bucket: `"'>${MARK}`, target: `${target}-${MARK}`, count: 3 });
  await deliverAll({ here, queues, target, atEnd, ...bench });
  const usersFile = join(dir, 'users.yaml');
  const users = [
    { name: 'a program', role: 'operator', token: hashToken(OPERATOR) },
    { name: 'prometheus', role: 'viewer', token: hashToken(VIEWER) },
  ];
  writeFileSync(usersFile, JSON.stringify({ users }));
  const { discovery, maintenance, deliveries, redis } = queues;
  dashboard = await startDashboard({
    settings: {
      ...here.settings,
      'dashboard.users-file': usersFile,
      'dashboard.username': 'root',
      'dashboard.password': 'hunter2',
    },
    metrics: here.store.metrics,
    log,
    checks: healthChecks(here.store, redis),
    redis,
    queues: [discovery, maintenance, ...deliveries.map(({ queue }) => queue)].map((queue) => ({
      queue,
      description: MARK,
    })),
    work: { version: '1.2.3', discovery, deliveries },
  });
  atEnd(() => dashboard.close());
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Sends a request and reads the answer; of events, which never end, only that they begin. */
async function send({ method, path, headers, body }: HostileRequest): Promise<Answer> {
  const sent = request(dashboard.url, { method, path, headers, agent, setHost: !('host' in headers) });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  sent.end(body);
  const response = await answered;
  const chunks: Buffer[] = [];
  if (response.headers['content-type']?.includes('event-stream') === true) response.destroy();
  else for await (const chunk of response) if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** Addresses that answer 503 when something is away, and say so in the list. */
function mayBe503(path: string): boolean {
  return dashboard.routes.some(
    (route) =>
      route.does.includes('503') &&
      new RegExp(`^${route.path.replaceAll(/:\w+/g, '[^/]+')}/?(\\?|$)`, 'i').test(path),
  );
}

/** What is wrong with an answer, whatever the request was. */
function faultOf({ path }: HostileRequest, { status, headers, body }: Answer): string | undefined {
  // What breaks HTTP itself, as a path without a slash, is answered by Node.js before the dashboard sees it.
  if (status === 400 && body === '' && headers.connection === 'close') return undefined;
  const type = headers['content-type'] ?? '';
  if (status >= 500 && !(status === 503 && mayBe503(path)))
    return `status ${String(status)}: ${body.slice(0, 500)}`;
  if (type.includes('html') && body.includes(MARK)) return 'the answer reflects a tag';
  if (INJECTED_HEADER in headers) return 'a line break got into the headers';
  if (/node_modules|\bat \w+ \(.*:\d+:\d+\)/.test(body) && !type.includes('javascript'))
    return `the answer shows a stack: ${body.slice(0, 500)}`;
  if (headers['x-content-type-options'] !== 'nosniff') return 'the answer has no security headers';
  if (new URL(headers.location ?? '/', dashboard.url).hostname.includes('evil'))
    return 'the answer leads to another site';
  if (/root:.*:0:0:/.test(body)) return 'the answer is a file of the machine';
  return undefined;
}

/** Works through a number of items, some at a time. */
async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

test('ten thousand malformed and hostile requests neither crash the dashboard nor get through', async () => {
  await start();
  const random = seeded(SEED);
  const requests = Array.from({ length: WELL_FORMED }, () =>
    hostileRequest(random, dashboard.routes, CREDENTIALS),
  );
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  await inParallel(requests.length, async (index) => {
    const hostile = requests[index];
    if (hostile === undefined) return;
    const describe = (fault: string): string =>
      `${fault} ← ${JSON.stringify({ ...hostile, body: hostile.body?.toString('latin1').slice(0, 300) })}`;
    try {
      const answer = await send(hostile);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const fault = faultOf(hostile, answer);
      if (fault !== undefined) faults.push(describe(fault));
    } catch (error) {
      faults.push(describe(`no answer: ${String(error)}`));
    }
  });
  const broken = Array.from({ length: BROKEN }, () => brokenHttp(random, dashboard.routes));
  const { hostname, port } = new URL(dashboard.url);
  await inParallel(broken.length, async (index) => {
    const bytes = broken[index] ?? Buffer.alloc(0);
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined).on('data', (chunk) => chunks.push(chunk));
    const closed = once(socket, 'close');
    socket.end(bytes);
    await closed;
    const text = Buffer.concat(chunks).toString('latin1');
    if (/^HTTP\/1\.1 5(?!03)/m.test(text) || text.includes(MARK))
      faults.push(`${text.slice(0, 500)} ← ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`);
  });
  expect(faults.slice(0, 10)).toEqual([]);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  // The fuzzer gets far enough to matter: there are answers of all kinds.
  for (const status of [200, 303, 400, 401, 403, 404, 405, 413, 429])
    expect([status, (statuses.get(status) ?? 0) > 0]).toEqual([status, true]);
  expect((await fetch(`${dashboard.url}/healthz`)).status).toBe(200);
});
