import { hideSecrets } from '../../config/secrets.js';
import { within } from '../../observability/within.js';
import type { Settings } from '../../config/settings.js';
import { enginesOf, type PipelineEngine } from '../../pipelines/engine.js';
import { about, ok, problem, type Finding, type Verdict } from '../../pipelines/finding.js';
import type { Pipeline } from '../../pipelines/pipeline.js';
import type { Store } from '../assembly.js';
import { lookAtClickHouse, type Look } from './clickhouse.js';
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
    [lookAtRedis, ...enginesOf(pipelines).map(lookOf)].map((look) =>
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

type LookAt = (settings: Settings, signal: AbortSignal) => Promise<Look>;

/** Engines of which there is more to say than whether they answer. */
const LOOKS: Readonly<Record<string, LookAt>> = { clickhouse: lookAtClickHouse, s3: lookAtS3 };

function lookOf(engine: PipelineEngine): LookAt {
  return LOOKS[engine.engine] ?? ((_settings, signal) => lookWhetherThere(engine, signal));
}

async function lookWhetherThere(
  { engine, advice, check }: PipelineEngine,
  signal: AbortSignal,
): Promise<Look> {
  const on = about(`${engine}.reachable`);
  try {
    await check(signal);
    return { findings: [ok(on, 'it answers')], clocks: [] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { findings: [problem(on, `it does not answer as it should: ${message}`, advice)], clocks: [] };
  }
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
