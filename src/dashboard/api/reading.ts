import { deliveryQueueOf } from '../../queues/names.js';
import { jobIdOf } from '../../queues/delivery.js';
import type { TimelineOrder } from '../../pipelines/views.js';
import { BOARD_PATH } from '../board.js';
import type { PipelineFigures } from '../overview/pipeline-figures.js';
import type { OverviewService } from '../overview/service.js';
import type { Route } from '../route.js';
import { answering, ApiError, parsed } from './answer.js';
import {
  historyQuery,
  noQuery,
  objectHeadQuery,
  pipelineQuery,
  sourceQuery,
  sourcesQuery,
} from './requests.js';
import type {
  Failures,
  History,
  ObjectHead,
  OrderView,
  Overview,
  SourceDetail,
  SourcePage,
} from './shapes.js';
import { sourcePage } from './source-page.js';

/** What the routes that change nothing work with. */
export interface ReadingParts {
  readonly overview: OverviewService;
}

/** The routes that change nothing. */
export function readingRoutes({ overview }: ReadingParts): readonly Route[] {
  const pipelines = [...overview.figures.values()].map(({ pipeline }) => pipeline);
  return [
    {
      method: 'get',
      path: '/api/overview',
      role: 'viewer',
      does: 'How everything stands: headline, pipelines, engines, replicas, pauses',
      handler: answering(({ request }): Overview => {
        parsed(noQuery, request.query);
        overview.asked();
        return overview.overview();
      }),
    },
    {
      method: 'get',
      path: '/api/sources',
      role: 'viewer',
      does: 'Sources: waiting records, oldest age, last delivery, targets, state; searched, sorted, paged',
      handler: answering(({ request }): SourcePage => {
        const query = parsed(sourcesQuery, request.query);
        overview.asked();
        const { pipeline, rows } = figuresOf(overview, query.pipeline);
        return sourcePage(pipeline.name, rows, query);
      }),
    },
    {
      method: 'get',
      path: '/api/failures',
      role: 'viewer',
      does: 'Failed orders, grouped by code and targets',
      handler: answering(({ request }): Failures => {
        const query = parsed(pipelineQuery, request.query);
        overview.asked();
        const { pipeline, failures } = figuresOf(overview, query.pipeline);
        return { pipeline: pipeline.name, groups: failures };
      }),
    },
    {
      method: 'get',
      path: '/api/source',
      role: 'viewer',
      does: 'One source: where it stands, up to when it is complete, and its orders and objects',
      handler: answering(({ request, signal }) => {
        const query = parsed(sourceQuery, request.query);
        overview.asked();
        return sourceDetail(figuresOf(overview, query.pipeline), query, signal);
      }, pipelines),
    },
    {
      method: 'get',
      path: '/api/history',
      role: 'viewer',
      does: 'What was delivered and failed, how late, and what waited, minute by minute, over an hour or a day',
      handler: answering(({ request }): History => {
        const query = parsed(historyQuery, request.query);
        overview.asked();
        const { pipeline } = figuresOf(overview, query.pipeline);
        const history = overview.histories.get(pipeline.name);
        if (history === undefined) throw new TypeError(`${pipeline.name} has no history`);
        return history.history(query.span);
      }),
    },
    {
      method: 'get',
      path: '/api/object-head',
      role: 'operator',
      does: 'The first lines of an object',
      handler: answering(async ({ request, signal }): Promise<ObjectHead> => {
        const { source, order, index, ...query } = parsed(objectHeadQuery, request.query);
        const { pipeline } = figuresOf(overview, query.pipeline);
        if (pipeline.objectHead === undefined)
          throw new ApiError(404, `the objects of ${pipeline.name} cannot be looked into`);
        const head = await pipeline.objectHead({ id: order, source }, index, signal);
        if (head === undefined)
          throw new ApiError(404, 'the order book has no such object; has the order been delivered?');
        return head;
      }, pipelines),
    },
  ];
}

/**
 * The figures of the pipeline that a request names, or of the only one.
 *
 * @throws {ApiError} 400 when there is none of that name, or it is not named and there are several
 */
export function figuresOf({ figures }: OverviewService, name: string | undefined): PipelineFigures {
  const names = [...figures.keys()];
  const found = figures.get(name ?? (names.length === 1 ? (names[0] ?? '') : ''));
  if (found === undefined) throw new ApiError(400, `pipeline: give one of ${names.join(', ')}`, 'pipeline');
  return found;
}

async function sourceDetail(
  { pipeline, rows }: PipelineFigures,
  { source, page, pageSize }: { readonly source: string; readonly page: number; readonly pageSize: number },
  signal: AbortSignal,
): Promise<SourceDetail> {
  const row = rows.get(source);
  const timeline = await pipeline.timeline(source, { page, pageSize }, signal);
  if (row === undefined && timeline.totalOrders === 0 && timeline.waitingRecords === 0)
    throw new ApiError(404, `nothing is known of a ${pipeline.words.source.one} of that name`);
  const { waitingRecords, oldestAt, completeUpTo, retentionEndsAt, totalOrders, orders } = timeline;
  const failureCodes = row?.failureCodes ?? [];
  return {
    pipeline: pipeline.name,
    source,
    state: failureCodes.length > 0 ? 'stuck' : waitingRecords > 0 ? 'waiting' : 'delivered',
    waitingRecords,
    oldestAgeSeconds:
      oldestAt === null
        ? null
        : Math.max(0, Math.round((Date.parse(timeline.at) - Date.parse(oldestAt)) / 1000)),
    lastDeliveredAt: row?.lastDeliveredAt ?? null,
    targets: row?.targets ?? [],
    failureCodes,
    note: timeline.note ?? null,
    ...{ completeUpTo, retentionEndsAt, page, pageSize, totalOrders },
    orders: orders.map((order) => orderView(pipeline.name, order)),
  };
}

function orderView(pipeline: string, order: TimelineOrder): OrderView {
  const queue = encodeURIComponent(deliveryQueueOf(pipeline));
  return {
    ...order,
    objects: order.objects.map(({ bucket, key, records, bytes, sha256 }, index) => ({
      ...{ index, place: bucket, key, records, bytes, sha256 },
    })),
    jobPath: `${BOARD_PATH}/queue/${queue}/${jobIdOf(order)}`,
  };
}
