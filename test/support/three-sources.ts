import type { Overview, PipelineOverview } from '../../src/dashboard/api/shapes.js';
import { openDashboard, type DashboardApi } from './dashboard-api.js';
import { deliverAll } from './deliveries.js';
import type { Workbench } from './workbench.js';

/** A dashboard that has read where three sources stand. */
export interface ThreeSources {
  readonly bench: Workbench;
  readonly api: DashboardApi;
  /** A target that is not there. */
  readonly gone: string;
}

/** Ten records of photos delivered, five of videos failed, three of notes not ordered. */
export async function threeSources(bench: Workbench): Promise<ThreeSources> {
  const { here, target } = bench;
  const gone = `${target}-gone`;
  await here.createBucket(target);
  await here.addRecords({ bucket: 'photos', target, count: 10 });
  await here.addRecords({ bucket: 'videos', target: gone, count: 5, ageSeconds: 100 });
  await deliverAll(bench);
  await here.addRecords({ bucket: 'notes', target, count: 3, ageSeconds: 20 });
  const api = await openDashboard(bench);
  await api.overviewWhere((overview) => isRead(overview) && only(overview).stuckSources === 1);
  return { bench, api, gone };
}

/** The one pipeline. */
export function only({ pipelines }: Overview): PipelineOverview {
  const [pipeline] = pipelines;
  if (pipeline === undefined) throw new Error('there is no pipeline');
  return pipeline;
}

/** Whether all has been read once. */
export function isRead({ pipelines, engines }: Overview): boolean {
  return engines.length > 0 && pipelines.every(({ readAt }) => readAt !== null);
}
