import { hideSecrets } from '../../config/secrets.js';
import { within } from '../../observability/within.js';
import { about, problem, type Finding, type Verdict } from '../../pipelines/finding.js';
import type { Pipeline } from '../../pipelines/pipeline.js';
import type { Store } from '../assembly.js';
import { lookAtClickHouse } from './clickhouse.js';
import { judgeClocks } from './clock.js';
import { judgeNode } from './node.js';
import { lookAtRedis } from './redis.js';
import { lookAtS3 } from './s3.js';
import { judgeSettings } from './settings.js';

/** What a doctor found. */
export interface Diagnosis {
  /** False when there is a problem; warnings are allowed. */
  readonly ok: boolean;
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly findings: readonly Finding[];
}

/** What is silent for this long is away, ms. */
const ENGINE_MS = 15_000;
/** How long a pipeline may look at its part: it reads system tables, and writes test objects; ms. */
const PIPELINE_MS = 60_000;

/**
 * Looks at a deployment from this machine, with the settings that it would run with.
 *
 * @param places see {@link DoctorContext.places}
 */
export async function diagnose(
  store: Store,
  places: readonly string[],
  stop: AbortSignal,
): Promise<Diagnosis> {
  const { settings, pipelines } = store;
  const engines = await Promise.all(
    [lookAtClickHouse, lookAtRedis, lookAtS3].map((look) =>
      within(ENGINE_MS, stop, (signal) => look(settings, signal)),
    ),
  );
  const ofPipelines = await Promise.all(pipelines.map((pipeline) => examine(pipeline, places, stop)));
  const findings = [
    judgeNode(process.versions.node),
    ...judgeSettings(settings),
    ...engines.flatMap((look) => look.findings),
    ...judgeClocks(engines.flatMap(({ clocks }) => clocks)),
    ...ofPipelines.flat(),
  ].map((finding) => ({ ...finding, found: hideSecrets(finding.found, settings) }));
  stop.throwIfAborted();
  const count = (verdict: Verdict): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const counts = { ok: count('ok'), warning: count('warning'), problem: count('problem') };
  return { ok: counts.problem === 0, counts, findings };
}

/** What a pipeline says of its part; also when it cannot say it, or not in time. */
async function examine(
  pipeline: Pipeline,
  places: readonly string[],
  stop: AbortSignal,
): Promise<readonly Finding[]> {
  try {
    return await within(
      PIPELINE_MS,
      stop,
      async (signal) => (await pipeline.doctor?.({ signal, places })) ?? [],
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const advice = 'see to the other problems first, then try again';
    return [problem(about('pipeline', pipeline.name), `it could not be looked at: ${message}`, advice)];
  }
}
