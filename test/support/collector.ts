import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '../../src/config/load.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { startCollector, type RunningCollector } from '../../src/pipelines/reports/collector/collector.js';
import { readSegment } from '../../src/pipelines/reports/segments.js';
import { isOpenSegment, isSealedSegment } from '../../src/pipelines/reports/spool/segment-names.js';
import type { Log } from '../../src/observability/log.js';

/** A collector with a spool in a directory of its own. */
export interface TestCollector extends RunningCollector {
  readonly dir: string;
  readonly spool: string;
  /** Posts to it. */
  readonly post: (
    body: string | Uint8Array,
    headers?: Readonly<Record<string, string>>,
    path?: string,
  ) => Promise<Response>;
  /** Ends it, and answers what it has stored. */
  readonly stored: () => Promise<readonly StoredReport[]>;
  /** Ends it, and removes what it has stored. */
  readonly stop: () => Promise<void>;
}

/** A report in a sealed segment. */
export interface StoredReport {
  readonly id: string;
  readonly agent: string;
  readonly type: string;
  readonly line: string;
}

/** Starts one, with settings besides those of its place. */
export async function testCollector(
  flags: Readonly<Record<string, string>> = {},
  { dir, log = silentLog() }: { readonly dir?: string; readonly log?: Log } = {},
): Promise<TestCollector> {
  const place = dir ?? (await mkdtemp(join(tmpdir(), 'log-courier-collector-')));
  const spool = join(place, 'spool');
  const given = { 'reports.spool-directory': spool, 'reports.listen-port': '0', ...flags };
  const { settings } = loadSettings({ flags: given, environment: {} });
  const running = await startCollector({ settings, metrics: createMetrics(), log });
  let ending: Promise<void> | undefined;
  const close = (): Promise<void> => (ending ??= running.close());
  return {
    ...{ dir: place, spool, url: running.url, close },
    post: (body, headers = {}, path = '/api/v1/reports') =>
      fetch(`${running.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : Buffer.from(body),
      }),
    stored: async () => {
      await close();
      return sealedReports(spool);
    },
    stop: async () => {
      await close();
      await rm(place, { recursive: true });
    },
  };
}

/** All reports of the sealed segments of a spool. Throws when a segment is still open. */
export async function sealedReports(spool: string): Promise<readonly StoredReport[]> {
  const names = await readdir(spool);
  if (names.some(isOpenSegment)) throw new Error('a segment is not sealed');
  const reports: StoredReport[] = [];
  for (const name of names.filter(isSealedSegment).sort())
    for await (const some of readSegment(join(spool, name), new AbortController().signal))
      for (const { id, agent, type, line } of some)
        reports.push({ id, agent, type, line: Buffer.from(line).toString() });
  return reports;
}

/** Sends bytes over a connection of its own, closes that side once there is an answer, and tells what comes until the end. */
export async function sendRaw(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    socket.end();
  });
  // A connection that is reset has told what it had to.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  closed.catch(() => undefined);
  socket.write(bytes);
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}
