import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { startRedis } from '../../embedded/redis.js';
import { createMetrics } from '../../observability/metrics.js';
import { catReports, type FoundReport } from '../../pipelines/reports/archive/cat.js';
import { reportsParts } from '../../pipelines/reports/create.js';
import { isOpenSegment, isSealedSegment } from '../../pipelines/reports/spool/segment-names.js';
import { formatCount } from '../format.js';
import { startProgress } from '../progress.js';
import type { Demo, DemoEngines, DemoStage, EnginesOptions } from './demo.js';
import { postReports, type DemoAgent } from './post-reports.js';
import { startRun } from './processes.js';

const AGENTS = 50;
const MORE_REPORTS = 100;
const MORE_SECONDS = 2;
/** The tokens of the agents lie beside the file that has their digests. */
const TOKENS = '.tokens.json';

/** Reports of agents over HTTP, through a collector's spool into a directory of compressed JSON lines. */
export const reportsDemo: Demo = {
  shows: 'reports that agents post over HTTP, into compressed JSON lines',
  record: { one: 'report', many: 'reports' },
  defaultRows: 100_000,
  engineNames: 'Redis and a collector',
  settings: {
    LOG_COURIER_REPORTS_LISTEN_ADDRESS: '127.0.0.1',
    LOG_COURIER_REPORTS_LISTEN_PORT: '0',
    LOG_COURIER_REPORTS_SEGMENT_MAX_BYTES: '2097152',
    LOG_COURIER_REPORTS_SEGMENT_MAX_SECONDS: '2',
    LOG_COURIER_REPORTS_KEY_PATTERN: '{yyyy}/{mm}/{dd}/reports-{time}.jsonl.zst',
    LOG_COURIER_REPORTS_ENVELOPE: 'true',
  },
  startEngines: startAll,
  generate: async (stage) => {
    const { context, rows } = stage;
    const progress = startProgress(context.stderr, rows, 'reports', 'posting     ');
    try {
      await postMore(stage, { reports: rows, firstSerial: 0, onProgress: progress.update });
    } finally {
      progress.stop();
    }
    return `${String(AGENTS)} agents have posted ${formatCount(rows)} reports; each was acknowledged.`;
  },
  left: async ({ store, rows }) => {
    const reports = await Promise.all(store.pipelines.map((pipeline) => pipeline.audit({ deep: false })));
    return rows - reports.reduce((sum, { delivered }) => sum + delivered, 0);
  },
  // The collector seals a segment by its age, and a delivery removes it last of all. One that is renamed at this moment
  // can be missed, but not twice.
  isDone: async (stage) => (await isSpoolEmpty(stage)) && (await isSpoolEmpty(stage)),
  countBack,
  sample: async (stage) => {
    for await (const { file, text } of archived(stage, () => undefined))
      return [`The first report of ${file}:`, text];
    return ['No report was found.'];
  },
  more: {
    records: MORE_REPORTS,
    everySeconds: MORE_SECONDS,
    make: (stage, round) =>
      postMore(stage, {
        reports: MORE_REPORTS,
        firstSerial: stage.rows + (round - 1) * MORE_REPORTS,
        onProgress: () => undefined,
      }),
  },
};

/** Starts Redis, and a collector in a process of its own, which needs no other one. */
async function startAll({ dir, signal, environment }: EnginesOptions): Promise<DemoEngines> {
  const [spool, archive, agentsFile] = [join(dir, 'spool'), join(dir, 'reports'), join(dir, 'agents.yaml')];
  const logs = join(dir, 'logs');
  for (const directory of [spool, archive, logs]) await mkdir(directory, { recursive: true });
  await writeAgents(agentsFile);
  const redis = await startRedis({ dir: join(dir, 'redis'), signal });
  const own = {
    LOG_COURIER_REDIS_URL: redis.url,
    LOG_COURIER_REPORTS_SPOOL_DIRECTORY: spool,
    LOG_COURIER_REPORTS_ARCHIVE: 'files',
    LOG_COURIER_REPORTS_DIRECTORY: archive,
    LOG_COURIER_REPORTS_AGENTS_FILE: agentsFile,
  };
  const collector = startRun('collector', 'collector', logs, { ...environment, ...own });
  const stop = async (): Promise<void> => {
    await collector.stop();
    await redis.stop();
  };
  try {
    const url = await Promise.race([collector.collectorUrl, collector.failed, whenAborted(signal)]);
    return {
      // Whoever posts finds the port there.
      environment: { ...own, LOG_COURIER_REPORTS_LISTEN_PORT: new URL(url).port },
      places: [
        { what: 'Archive', where: archive },
        { what: 'Spool', where: spool },
        { what: 'Collector', where: url },
      ],
      failed: collector.failed,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener(
      'abort',
      () => {
        reject(new Error('stopped before the collector listened', { cause: signal.reason }));
      },
      { once: true },
    );
  });
}

/** Makes agents with a token each. The collector gets to know digests alone. */
async function writeAgents(file: string): Promise<void> {
  const agents = Array.from({ length: AGENTS }, (_, index) => ({
    name: `agent-${String(index + 1).padStart(2, '0')}`,
    token: randomBytes(24).toString('base64url'),
  }));
  const known = agents.map(({ name, token }) => ({
    name,
    'token-sha256': createHash('sha256').update(token).digest('hex'),
  }));
  await writeFile(file, stringify({ agents: known }), { mode: 0o640 });
  await writeFile(`${file}${TOKENS}`, JSON.stringify(agents), { mode: 0o600 });
}

const agentsSchema = z.array(z.object({ name: z.string(), token: z.string() }));

async function postMore(
  { context, store: { settings } }: DemoStage,
  what: {
    readonly reports: number;
    readonly firstSerial: number;
    readonly onProgress: (n: number) => void;
  },
): Promise<void> {
  const file = `${settings['reports.agents-file']}${TOKENS}`;
  const agents: readonly DemoAgent[] = agentsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const url = `http://127.0.0.1:${String(settings['reports.listen-port'])}`;
  await postReports({ url, agents, ...what, signal: context.stop });
}

async function isSpoolEmpty({ store: { settings } }: DemoStage): Promise<boolean> {
  const names = await readdir(settings['reports.spool-directory']);
  return !names.some((name) => isOpenSegment(name) || isSealedSegment(name));
}

/** Reads the archive as `reports cat` does. */
function archived(
  { context, store: { settings, log } }: DemoStage,
  onProblem: (file: string, why: string) => void,
): AsyncGenerator<FoundReport, void> {
  const { store, pattern, close } = reportsParts({ settings, log, metrics: createMetrics() });
  const found = catReports({
    ...{ store, pattern, signal: context.stop, onProblem },
    segmentSeconds: settings['reports.segment-max-seconds'],
    filter: { conditions: [] },
  });
  return (async function* () {
    try {
      yield* found;
    } finally {
      close();
    }
  })();
}

const postedSchema = z.object({ serial: z.int().nonnegative(), host: z.string() });

/** Counts how often each report that was posted is in the archive, by the number that its agent gave it. */
async function countBack(stage: DemoStage): Promise<{ readonly isComplete: boolean; readonly says: string }> {
  const times = new Uint8Array(stage.rows);
  const problems: string[] = [];
  let strange = 0;
  for await (const { report, agent } of archived(stage, (file, why) => problems.push(`${file}: ${why}`))) {
    const posted = postedSchema.safeParse(report);
    if (!posted.success || posted.data.serial >= stage.rows || posted.data.host !== agent) strange += 1;
    else times[posted.data.serial] = Math.min(255, (times[posted.data.serial] ?? 0) + 1);
  }
  const count = (holds: (n: number) => boolean): number => times.filter(holds).length;
  const [once, missing, repeated] = [count((n) => n === 1), count((n) => n === 0), count((n) => n > 1)];
  const says = [
    `Counted back as reports cat reads them: ${formatCount(once)} of ${formatCount(stage.rows)} reports are there once`,
    `${formatCount(missing)} are missing, ${formatCount(repeated)} are there more than once`,
    ...(strange > 0 ? [`${formatCount(strange)} are none that was posted`] : []),
    ...problems,
  ].join('; ');
  return { isComplete: once === stage.rows && strange === 0 && problems.length === 0, says: `${says}.` };
}
