import { z } from 'zod';
import type {
  Changed,
  Failures,
  History,
  ObjectHead,
  Overview,
  Pause,
  SourceDetail,
  SourcePage,
} from '../../src/dashboard/api/shapes.js';

const time = z.iso.datetime();
const count = z.int().nonnegative();
const noun = z.strictObject({ one: z.string().min(1), many: z.string().min(1) });

const pause = z.strictObject({
  what: z.enum(['discovery', 'delivery']),
  pipeline: z.string().nullable(),
  by: z.string().min(1),
  at: time,
});

const pipelineOverview = z.strictObject({
  name: z.string(),
  words: z.strictObject({
    title: z.string().min(1),
    goods: z.string().min(1),
    record: noun,
    source: noun,
    target: noun,
    object: noun,
  }),
  waitingRecords: count,
  oldestAgeSeconds: count.nullable(),
  orders: z.strictObject({ open: count, failed: count, skipped: count, delivered: count }),
  stuckSources: count,
  sources: count,
  nearRetention: z.strictObject({ records: count, sources: count, firstEndsAt: time.nullable() }),
  readAt: time.nullable(),
  lastDiscoveryAt: time.nullable(),
});

/** `GET /api/overview`. */
export const overviewSchema: z.ZodType<Overview> = z.strictObject({
  at: time,
  version: z.string(),
  headline: z.strictObject({ tone: z.enum(['good', 'busy', 'warning', 'bad']), text: z.string().min(1) }),
  pipelines: z.array(pipelineOverview),
  engines: z.array(
    z.strictObject({ engine: z.string(), ok: z.boolean(), error: z.string().nullable(), since: time }),
  ),
  replicas: z.array(
    z.strictObject({
      id: z.string(),
      host: z.string(),
      pid: count,
      roles: z.array(z.string()),
      version: z.string(),
      startedAt: time,
      seenAt: time,
      ordersInFlight: count,
    }),
  ),
  pauses: z.array(pause),
});

const sourceRow = {
  source: z.string(),
  state: z.enum(['stuck', 'waiting', 'delivered']),
  waitingRecords: count,
  oldestAgeSeconds: count.nullable(),
  lastDeliveredAt: time.nullable(),
  targets: z.array(z.string()),
  failureCodes: z.array(z.string()),
  note: z.string().nullable(),
};

/** `GET /api/sources`. */
export const sourcesSchema: z.ZodType<SourcePage> = z.strictObject({
  pipeline: z.string(),
  page: z.int().positive(),
  pageSize: z.int().positive(),
  total: count,
  rows: z.array(z.strictObject(sourceRow)),
});

/** `GET /api/failures`. */
export const failuresSchema: z.ZodType<Failures> = z.strictObject({
  pipeline: z.string(),
  groups: z.array(
    z.strictObject({
      id: z.string().regex(/^[0-9a-f]{16}$/),
      code: z.string().min(1),
      reason: z.string(),
      targets: z.array(z.string()),
      since: time,
      orders: z.int().positive(),
      records: count,
      sources: z.array(z.string()),
      sourceCount: z.int().positive(),
      retentionEndsAt: time.nullable(),
    }),
  ),
});

/** `GET /api/source`. */
export const sourceSchema: z.ZodType<SourceDetail> = z.strictObject({
  ...sourceRow,
  pipeline: z.string(),
  completeUpTo: time.nullable(),
  retentionEndsAt: time.nullable(),
  page: z.int().positive(),
  pageSize: z.int().positive(),
  totalOrders: count,
  orders: z.array(
    z.strictObject({
      id: z.string().regex(/^[0-9a-f]{16}$/),
      state: z.enum(['open', 'failed', 'skipped', 'delivered']),
      orderedAt: time,
      updatedAt: time,
      records: count,
      deliveredRecords: count,
      oldestAt: time,
      failure: z.strictObject({ code: z.string().min(1), reason: z.string() }).nullable(),
      skip: z.strictObject({ by: z.string(), reason: z.string(), records: count, at: time }).nullable(),
      objects: z.array(
        z.strictObject({
          index: count,
          place: z.string(),
          key: z.string(),
          records: count,
          bytes: count,
          sha256: z.string().regex(/^[0-9a-f]{64}$/),
        }),
      ),
      jobPath: z.string().startsWith('/queues/queue/'),
    }),
  ),
});

const figure = z.number().nonnegative().nullable();

/** `GET /api/history`. */
export const historySchema: z.ZodType<History> = z.strictObject({
  pipeline: z.string(),
  span: z.enum(['hour', 'day']),
  stepSeconds: z.int().positive(),
  points: z.array(
    z.strictObject({
      at: time,
      records: figure,
      objects: figure,
      failures: figure,
      lagP50Seconds: figure,
      lagP99Seconds: figure,
      backlogRecords: figure,
    }),
  ),
});

/** `GET /api/object-head`. */
export const objectHeadSchema: z.ZodType<ObjectHead> = z.strictObject({
  place: z.string(),
  key: z.string(),
  text: z.string(),
  truncated: z.boolean(),
});

/** `POST /api/retry` and `POST /api/skip`. */
export const changedSchema: z.ZodType<Changed> = z.strictObject({
  orders: count,
  records: count,
  message: z.string().min(1),
});

/** `POST /api/pause` and `POST /api/resume`. */
export const pausesSchema: z.ZodType<readonly Pause[]> = z.array(pause);
