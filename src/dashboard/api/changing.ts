import type { Redis } from 'ioredis';
import { hideSecrets } from '../../config/secrets.js';
import type { Settings } from '../../config/settings.js';
import { AlreadyDeliveredError, NoSuchOrderError } from '../../pipelines/errors.js';
import type { RetryFilter } from '../../pipelines/pipeline.js';
import type { Noun } from '../../pipelines/words.js';
import { giveUp, giveUpFailed, type AllGivenUp } from '../../queues/give-up.js';
import type { PipelineQueue } from '../../queues/pipeline-queue.js';
import { retryFailed, type Done } from '../../queues/put-back.js';
import { inTime } from '../in-time.js';
import { countText } from '../overview/words.js';
import type { OverviewService } from '../overview/service.js';
import { identityOf, type Route } from '../route.js';
import type { Trail } from '../trail/trail.js';
import { answering, ApiError, parsed, type Asked } from './answer.js';
import { figuresOf } from './reading.js';
import { pauseBody, retryBody, skipBody, type SelectionBody } from './requests.js';
import type { Changed, Pause } from './shapes.js';

/** What the routes that change something work with. */
export interface ChangingParts {
  readonly overview: OverviewService;
  readonly trail: Trail;
  readonly settings: Settings;
  readonly redis: Redis;
  readonly deliveries: readonly PipelineQueue[];
}

/** The routes that change something; all of them are noted in the trail. */
export function changingRoutes(parts: ChangingParts): readonly Route[] {
  const { overview, settings } = parts;
  const pipelines = parts.deliveries.map(({ pipeline }) => pipeline);
  return [
    {
      method: 'post',
      path: '/api/retry',
      role: 'operator',
      does: 'Puts failed orders back into the queue: of a group, of a source, one, or all',
      handler: answering(async (asked): Promise<Changed> => {
        const selection = parsed(retryBody, asked.request.body);
        return changing(parts, asked, 'retry', selection, async (on) => {
          const done = await retryFailed(on, settings, await filterOf(overview, selection));
          return { ...done, message: retried(done, on.pipeline.words.record) };
        });
      }, pipelines),
    },
    {
      method: 'post',
      path: '/api/skip',
      role: 'operator',
      does: 'Gives failed orders up, with a reason: of a group, of a source, or one',
      handler: answering(async (asked): Promise<Changed> => {
        const { reason, ...selection } = parsed(skipBody, asked.request.body);
        return changing(parts, asked, 'skip', selection, async (on) => {
          const given = { by: identityOf(asked.response).name, reason };
          const { underWay, ...done } =
            selection.order === undefined
              ? await giveUpFailed(on, await filterOf(overview, selection), given)
              : await giveOneUp(on, selection.order, given);
          return { ...done, message: givenUp(done, underWay, on.pipeline.words.record) };
        });
      }, pipelines),
    },
    {
      method: 'post',
      path: '/api/pause',
      role: 'operator',
      does: 'Pauses discovery or delivery, of one pipeline or of all',
      handler: answering((asked) => pausing(parts, asked, 'pause')),
    },
    {
      method: 'post',
      path: '/api/resume',
      role: 'operator',
      does: 'Ends a pause',
      handler: answering((asked) => pausing(parts, asked, 'resume')),
    },
  ];
}

/** Does something with orders of one pipeline, and notes it. */
async function changing(
  parts: ChangingParts,
  { response }: Asked,
  action: 'retry' | 'skip',
  selection: SelectionBody,
  change: (on: PipelineQueue) => Promise<Changed>,
): Promise<Changed> {
  const { overview, deliveries } = parts;
  const figures = figuresOf(overview, selection.pipeline);
  const on = deliveries.find(({ pipeline }) => pipeline.name === figures.pipeline.name);
  if (on === undefined) throw new TypeError(`${figures.pipeline.name} has no queue`);
  const about = aboutOf(overview, selection);
  return noted(parts, { by: identityOf(response).name, action, about }, async () => {
    const changed = await change(on);
    return [changed, changed.message];
  });
}

async function pausing(
  parts: ChangingParts,
  { request, response }: Asked,
  action: 'pause' | 'resume',
): Promise<readonly Pause[]> {
  const { overview } = parts;
  const { what, pipeline } = parsed(pauseBody, request.body);
  if (pipeline !== undefined) figuresOf(overview, pipeline);
  const by = identityOf(response).name;
  const about = `${what} of ${pipeline ?? 'all pipelines'}`;
  return noted(parts, { by, action, about }, async () => {
    await inTime(
      action === 'pause' ? overview.pauses.pause(what, pipeline, by) : overview.pauses.resume(what, pipeline),
      REDIS_PATIENCE_MS,
    );
    return [await inTime(overview.pauses.list(), REDIS_PATIENCE_MS), 'done'];
  });
}

/** A Redis that is silent for this long is not waited for, in ms. */
const REDIS_PATIENCE_MS = 5000;

/** Makes a change, notes it with what came of it, and has the overview read what is true now. */
async function noted<Answer>(
  { redis, settings, trail, overview }: ChangingParts,
  change: { readonly by: string; readonly action: string; readonly about: string },
  make: () => Promise<readonly [answer: Answer, outcome: string]>,
): Promise<Answer> {
  // Commands would wait until it is back, and then be done when nobody expects it any more.
  if (redis.status !== 'ready')
    throw new ApiError(
      503,
      'Redis does not answer; check redis.url and that the server is up, then try again',
    );
  try {
    const [answer, outcome] = await make();
    await trail.note({ ...change, outcome });
    return answer;
  } catch (error) {
    const why = hideSecrets(error instanceof Error ? error.message : String(error), settings);
    await trail.note({ ...change, outcome: `failed: ${why}` });
    throw error;
  } finally {
    await overview.changed();
  }
}

/** Which orders a selection means. */
async function filterOf(
  overview: OverviewService,
  { pipeline, group, source, order }: SelectionBody,
): Promise<Pick<RetryFilter, 'source' | 'order' | 'group'>> {
  if (group === undefined) return { source, order };
  const figures = figuresOf(overview, pipeline);
  const found = figures.group(group) ?? (await figures.readGroup(group));
  if (found === undefined)
    throw new ApiError(404, 'nothing fails for this reason any more, or there is no such group', 'group');
  return { group: { code: found.code, targets: found.targets } };
}

/** What a selection means, in words. */
function aboutOf(overview: OverviewService, { pipeline, group, source, order }: SelectionBody): string {
  const figures = figuresOf(overview, pipeline);
  const { words } = figures.pipeline;
  if (order !== undefined) return `work order ${order}`;
  if (source !== undefined) return `${words.source.one} ${source}`;
  if (group === undefined) return `all of ${figures.pipeline.name}`;
  const { code, targets = [] } = figures.group(group) ?? {};
  return [code ?? `group ${group}`, ...targets].join(' ');
}

/** An order need not have failed to be given up. */
async function giveOneUp(
  on: PipelineQueue,
  order: string,
  given: { readonly by: string; readonly reason: string },
): Promise<AllGivenUp> {
  const failed = await giveUpFailed(on, { order }, given);
  if (failed.orders > 0) return failed;
  try {
    const { skip, underWay, already } = await giveUp(on, order, given);
    if (already === true)
      throw new ApiError(
        409,
        `work order ${order} was given up before, by ${skip.by} at ${skip.at}: ${skip.reason}`,
      );
    return { orders: 1, records: skip.records, underWay: underWay ? 1 : 0 };
  } catch (error) {
    if (error instanceof NoSuchOrderError) throw new ApiError(404, error.message, 'order');
    if (error instanceof AlreadyDeliveredError) throw new ApiError(409, error.message, 'order');
    throw error;
  }
}

const ORDER: Noun = { one: 'order', many: 'orders' };

function retried({ orders, records }: Done, record: Noun): string {
  if (orders === 0) return 'Nothing to retry: no failed order matches.';
  const is = orders === 1 ? 'is' : 'are';
  return `${countText(orders, ORDER)} with ${countText(records, record)} ${is} back in the queue.`;
}

function givenUp({ orders, records }: Done, underWay: number, record: Noun): string {
  if (orders === 0) return 'Nothing to give up: no failed order matches.';
  const said = `${countText(orders, ORDER)} given up: ${countText(records, record)} will not be delivered.`;
  if (underWay === 0) return said;
  return `${said} ${countText(underWay, ORDER)} of them ${underWay === 1 ? 'is' : 'are'} being delivered at this moment: what succeeds counts as delivered.`;
}
