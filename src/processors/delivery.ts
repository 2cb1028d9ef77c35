import { DelayedError, UnrecoverableError, WaitingError, Worker, type Job } from 'bullmq';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import { ATTRIBUTE, type SpanAttributes, type Tracing } from '../observability/tracing.js';
import { DeliveryError, failureOf } from '../pipelines/errors.js';
import type { DeliveryContext, Pipeline, Receipt, WorkOrder } from '../pipelines/pipeline.js';
import { REDIS_RETRY_MS, redisOptions } from '../queues/connection.js';
import { backoffMs } from '../queues/delivery.js';
import { deliveryQueueOf } from '../queues/names.js';
import { InFlight } from './in-flight.js';
import type { Outages } from './outages.js';
import { SmallInFlight } from './small-in-flight.js';
import { Steps } from './steps.js';
import { untilCancelled } from './until-cancelled.js';

/** What delivery works with. */
export interface DeliveryParts<Order extends WorkOrder = WorkOrder> {
  readonly settings: Settings;
  readonly pipeline: Pipeline<Order>;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  /** Counts the orders that are being delivered and committed. */
  readonly inFlight?: InFlight;
  /** Who knows of engines that are away; without one, an attempt that such an engine fails counts as any other. */
  readonly outages?: Outages | undefined;
}

/**
 * Takes a pipeline's work orders from its queue and delivers them: `consumer.num-workers` at the same time, and beside
 * them up to `consumer.small-orders-in-flight` small ones.
 */
export function startDeliveryWorker<Order extends WorkOrder>(parts: DeliveryParts<Order>): Worker {
  const { settings, pipeline, log, tracing } = parts;
  const rate = settings['queue.max-orders-per-second'];
  const large = settings['consumer.num-workers'];
  const worker: Worker = new Worker<unknown, Receipt>(
    deliveryQueueOf(pipeline.name),
    async (job, token, signal) => {
      const order = orderOf(parts, job);
      const deliver = (): Promise<Receipt> =>
        processOrder(parts, order, { job, token, cancelled: signal ?? new AbortController().signal });
      return pipeline.isSmall(order) ? small.during(order.records, deliver) : deliver();
    },
    {
      connection: redisOptions(settings),
      prefix: settings['redis.key-prefix'],
      concurrency: large,
      lockDuration: settings['queue.lock-duration-seconds'] * 1000,
      stalledInterval: settings['queue.lock-duration-seconds'] * 1000,
      // An order whose processor died is no failure of the order, however often it happens.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      ...(rate === 0 ? {} : { limiter: { max: rate, duration: 1000 } }),
      runRetryDelay: REDIS_RETRY_MS,
      ...(tracing === undefined ? {} : { telemetry: tracing.queues }),
      settings: { backoffStrategy: (attempts) => backoffMs(settings, attempts, Math.random()) },
    },
  );
  const small = new SmallInFlight(worker, large, settings['consumer.small-orders-in-flight']);
  // Whoever can no longer renew the lock of a job is presumed dead, and the order goes to another: stop at once.
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'the lock was lost');
    log.warn({ jobs: ids }, 'locks were lost; their orders are left to others');
  });
  worker.on('error', (err) => {
    log.debug({ err }, 'delivery worker');
  });
  return worker;
}

/** A job that this process is at. */
interface Taken {
  readonly job: Job;
  /** Proves that the job is ours. */
  readonly token: string | undefined;
  /** Aborted when the job is no longer ours, or must not be. */
  readonly cancelled: AbortSignal;
}

/**
 * Reads the order in a job.
 *
 * @throws {UnrecoverableError} when there is none
 */
function orderOf<Order extends WorkOrder>({ pipeline }: DeliveryParts<Order>, job: Job): Order {
  const parsed = pipeline.orderSchema.safeParse(job.data);
  if (parsed.success) return parsed.data;
  throw new UnrecoverableError(`the job's payload is no order of ${pipeline.name}: ${parsed.error.message}`);
}

/**
 * Delivers one order and commits it.
 *
 * @throws {UnrecoverableError} when no retry helps
 * @throws {WaitingError} when the process was told to stop: the order is back in the queue
 * @throws {DelayedError} when an engine is away: the order is back in the queue, for later
 */
async function processOrder<Order extends WorkOrder>(
  parts: DeliveryParts<Order>,
  order: Order,
  taken: Taken,
): Promise<Receipt> {
  const { job, cancelled } = taken;
  const steps = new Steps(job, parts.log);
  try {
    return await untilCancelled(attempt(parts, order, taken, steps), cancelled, CLEAN_UP_MS);
  } catch (error) {
    // An order that has been put off is out of our hands.
    if (!cancelled.aborted || error instanceof DelayedError) throw error;
    return await handBack(taken);
  } finally {
    steps.end();
  }
}

/** One attempt, and what is to be said and done when it fails. */
async function attempt<Order extends WorkOrder>(
  parts: DeliveryParts<Order>,
  order: Order,
  { job, token, cancelled }: Taken,
  steps: Steps,
): Promise<Receipt> {
  const { pipeline, metrics, log, tracing, inFlight = new InFlight() } = parts;
  const stop = metrics.batchProcessingSeconds.startTimer({ pipeline: pipeline.name });
  // One signal for both reasons: to join two costs as much as all else here.
  const end = new AbortController();
  const forward = (): void => {
    end.abort(cancelled.reason);
  };
  cancelled.addEventListener('abort', forward, { once: true });
  if (cancelled.aborted) forward();
  const timer = setTimeout(
    () => {
      end.abort(new DOMException('the time for a delivery is up', 'TimeoutError'));
    },
    limitSeconds(parts) * 1000,
  );
  const began = performance.now();
  const about = { pipeline: pipeline.name, order: order.id, source: order.source };
  const context = {
    signal: end.signal,
    report: (step: string, percent: number): void => {
      steps.tell(step, percent);
    },
  };
  try {
    const receipt = await inFlight.during(() =>
      tracing === undefined
        ? deliverAndCommit(parts, order, context)
        : tracing.during('deliver', spanAttributes(pipeline.name, order, job), () =>
            deliverAndCommit(parts, order, context),
          ),
    );
    if (receipt.already !== undefined) {
      steps.tell(`nothing to do: the order book has this order as ${receipt.already}`, 100);
      return receipt;
    }
    steps.tell(
      `committed ${String(receipt.records)} records in ${String(receipt.objects.length)} object(s)`,
      100,
    );
    metrics.batchesProcessed.inc({ pipeline: pipeline.name, status: 'success' });
    countRecords(metrics, pipeline.name, receipt);
    log.info(
      { ...about, records: receipt.records, bytes: receipt.bytes, objects: receipt.objects.length },
      'delivered',
    );
    return receipt;
  } catch (error) {
    cancelled.throwIfAborted();
    const isTimeUp = end.signal.aborted;
    const suspects = isTimeUp ? pipeline.needs.delivery : [pipeline.engineAwayOf(error)];
    const away = await engineAway(parts, suspects, began);
    if (away !== undefined) return await putOff(parts, order, { job, token, cancelled }, steps, away, error);
    throw await explain(parts, job, order, steps, isTimeUp ? timedOut(parts, order, error) : error);
  } finally {
    clearTimeout(timer);
    cancelled.removeEventListener('abort', forward);
    stop();
  }
}

async function deliverAndCommit<Order extends WorkOrder>(
  { pipeline, tracing }: DeliveryParts<Order>,
  order: Order,
  context: DeliveryContext,
): Promise<Receipt> {
  const delivered = await pipeline.deliver(order, context);
  if (delivered.already !== undefined) return delivered;
  if (tracing === undefined) await pipeline.commit(order, delivered);
  else
    await tracing.during('commit', { [ATTRIBUTE.order]: order.id }, () => pipeline.commit(order, delivered));
  return delivered;
}

function spanAttributes(pipeline: string, order: WorkOrder, job: Job): SpanAttributes {
  return {
    [ATTRIBUTE.pipeline]: pipeline,
    [ATTRIBUTE.order]: order.id,
    [ATTRIBUTE.source]: order.source,
    [ATTRIBUTE.records]: order.records,
    [ATTRIBUTE.attempt]: job.attemptsMade + 1,
  };
}

/** How long a delivery that was cancelled may take to abort its uploads, in ms. */
const CLEAN_UP_MS = 1500;

/** A delivery that repeats an earlier one counts by what it has more. */
function countRecords(metrics: Metrics, pipeline: string, { records, earlier }: Receipt): void {
  const before = earlier.at(-1);
  const more = Math.max(0, records - (before?.records ?? 0));
  metrics.recordsDelivered.inc({ pipeline }, more);
  if (before === undefined) return;
  metrics.ordersRedelivered.inc({ pipeline });
  metrics.lateRecords.inc({ pipeline }, more);
}

/** Puts an order back that this process must not go on with; that is no failure of the order. */
async function handBack({ job, token, cancelled }: Taken): Promise<never> {
  await job.log('handed back: this processor stops');
  await job.moveToWait(token);
  throw new WaitingError(`handed back: ${String(cancelled.reason)}`);
}

/** The first of the engines that was away at some time since the attempt began; undefined when none was. */
async function engineAway<Order extends WorkOrder>(
  { outages }: DeliveryParts<Order>,
  engines: readonly (string | undefined)[],
  began: number,
): Promise<string | undefined> {
  for (const engine of engines)
    if (engine !== undefined && (await outages?.wasAway(engine, began)) === true) return engine;
  return undefined;
}

/**
 * Puts an order back for later that an engine which is away kept from being delivered: that is no failure of the
 * order, and no attempt, however often it happens.
 */
async function putOff<Order extends WorkOrder>(
  { settings, pipeline, log }: DeliveryParts<Order>,
  { id: order }: Order,
  { job, token }: Taken,
  steps: Steps,
  engine: string,
  err: unknown,
): Promise<never> {
  const times = Math.max(1, job.attemptsStarted - job.attemptsMade);
  const waitMs = backoffMs(settings, times, Math.random());
  log.debug({ err, engine, pipeline: pipeline.name, order, waitMs }, 'put off: the engine is away');
  steps.tell(`put off: ${engine} is away; this does not count as an attempt`);
  await job.moveToDelayed(Date.now() + waitMs, token);
  throw new DelayedError(`put off: ${engine} is away`);
}

/** How long a delivery may take, in seconds. */
function limitSeconds<Order extends WorkOrder>({ settings, pipeline }: DeliveryParts<Order>): number {
  return pipeline.timeoutSeconds ?? settings['timeout.upload-operation-seconds'];
}

function timedOut<Order extends WorkOrder>(parts: DeliveryParts<Order>, order: Order, cause: unknown): Error {
  const which = parts.pipeline.timeoutSeconds === undefined ? ' (timeout.upload-operation-seconds)' : '';
  const limit = String(limitSeconds(parts));
  return new Error(`work order ${order.id} was not delivered within ${limit} s${which}`, { cause });
}

/**
 * Says in the log, the metrics and on the board what went wrong, and writes it into the order book when this was the
 * last attempt.
 *
 * @returns the error that BullMQ is to see
 */
async function explain<Order extends WorkOrder>(
  { pipeline, metrics, log }: DeliveryParts<Order>,
  job: Job,
  order: Order,
  steps: Steps,
  error: unknown,
): Promise<unknown> {
  const permanent = error instanceof DeliveryError && error.permanent;
  const attempt = job.attemptsMade + 1;
  const last = permanent || attempt >= (job.opts.attempts ?? 1);
  const failure = failureOf(error);
  const status = permanent ? 'failed_permanent' : 'failed_transient';
  metrics.batchesProcessed.inc({ pipeline: pipeline.name, status });
  if (last) metrics.recordsInPermanentErrors.inc({ pipeline: pipeline.name }, order.records);
  const about = {
    pipeline: pipeline.name,
    order: order.id,
    source: order.source,
    attempt,
    code: failure.code,
  };
  log[last ? 'error' : 'warn'](
    { err: error, ...about },
    last ? 'work order failed' : 'attempt failed, will be retried',
  );
  steps.tell(`attempt ${String(attempt)} failed: ${failure.reason}`);
  if (last) await pipeline.fail(order, failure);
  return permanent ? new UnrecoverableError(failure.reason) : error;
}
