import { UnrecoverableError, WaitingError, Worker, type Job } from 'bullmq';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import { DeliveryError, failureOf } from '../pipelines/errors.js';
import type { Pipeline, Receipt, WorkOrder } from '../pipelines/pipeline.js';
import { redisOptions } from '../queues/connection.js';
import { backoffMs } from '../queues/delivery.js';
import { deliveryQueueOf } from '../queues/names.js';

/** What delivery works with. */
export interface DeliveryParts<Order extends WorkOrder = WorkOrder> {
  readonly settings: Settings;
  readonly pipeline: Pipeline<Order>;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Takes a pipeline's work orders from its queue and delivers them, `consumer.num-workers` at the same time. */
export function startDeliveryWorker<Order extends WorkOrder>(parts: DeliveryParts<Order>): Worker {
  const { settings, pipeline, log } = parts;
  const rate = settings['queue.max-orders-per-second'];
  const worker: Worker = new Worker<unknown, Receipt>(
    deliveryQueueOf(pipeline.name),
    (job, token, signal) => processOrder(parts, job, token, signal ?? new AbortController().signal),
    {
      connection: redisOptions(settings),
      prefix: settings['redis.key-prefix'],
      concurrency: settings['consumer.num-workers'],
      lockDuration: settings['queue.lock-duration-seconds'] * 1000,
      stalledInterval: settings['queue.lock-duration-seconds'] * 1000,
      // An order whose processor died is no failure of the order, however often it happens.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      ...(rate === 0 ? {} : { limiter: { max: rate, duration: 1000 } }),
      settings: { backoffStrategy: (attempts) => backoffMs(settings, attempts, Math.random()) },
    },
  );
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

/**
 * Delivers one order and commits it.
 *
 * @throws {UnrecoverableError} when no retry helps
 * @throws {WaitingError} when the process was told to stop: the order is back in the queue
 */
async function processOrder<Order extends WorkOrder>(
  parts: DeliveryParts<Order>,
  job: Job,
  token: string | undefined,
  cancelled: AbortSignal,
): Promise<Receipt> {
  const { settings, pipeline, metrics, log } = parts;
  const parsed = pipeline.orderSchema.safeParse(job.data);
  if (!parsed.success)
    throw new UnrecoverableError(
      `the job's payload is no order of ${pipeline.name}: ${parsed.error.message}`,
    );
  const order = parsed.data;
  const stop = metrics.batchProcessingSeconds.startTimer();
  const timeout = AbortSignal.timeout(settings['timeout.upload-operation-seconds'] * 1000);
  const about = { pipeline: pipeline.name, order: order.id, source: order.source };
  try {
    const receipt = await pipeline.deliver(order, {
      signal: AbortSignal.any([cancelled, timeout]),
      report: (step, percent) => {
        tell(job, step, percent, log);
      },
    });
    if (receipt.already !== undefined) {
      tell(job, `nothing to do: the order book has this order as ${receipt.already}`, 100, log);
      return receipt;
    }
    await pipeline.commit(order, receipt);
    tell(
      job,
      `committed ${String(receipt.records)} records in ${String(receipt.objects.length)} object(s)`,
      100,
      log,
    );
    metrics.batchesProcessed.inc({ status: 'success' });
    metrics.recordsDelivered.inc(receipt.records);
    log.info(
      { ...about, records: receipt.records, bytes: receipt.bytes, objects: receipt.objects.length },
      'delivered',
    );
    return receipt;
  } catch (error) {
    if (cancelled.aborted) return await handBack(job, token, cancelled);
    throw await explain(parts, job, order, timeout.aborted ? timedOut(settings, order, error) : error);
  } finally {
    stop();
  }
}

/** Puts an order back that this process must not go on with; that is no failure of the order. */
async function handBack(job: Job, token: string | undefined, cancelled: AbortSignal): Promise<never> {
  await job.log('handed back: this processor stops');
  await job.moveToWait(token);
  throw new WaitingError(`handed back: ${String(cancelled.reason)}`);
}

function timedOut(settings: Settings, order: WorkOrder, cause: unknown): Error {
  const limit = settings['timeout.upload-operation-seconds'];
  return new Error(
    `work order ${order.id} was not delivered within ${String(limit)} s (timeout.upload-operation-seconds)`,
    { cause },
  );
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
  error: unknown,
): Promise<unknown> {
  const permanent = error instanceof DeliveryError && error.permanent;
  const attempt = job.attemptsMade + 1;
  const last = permanent || attempt >= (job.opts.attempts ?? 1);
  const failure = failureOf(error);
  metrics.batchesProcessed.inc({ status: permanent ? 'failed_permanent' : 'failed_transient' });
  if (last) metrics.recordsInPermanentErrors.inc(order.records);
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
  tell(job, `attempt ${String(attempt)} failed: ${failure.reason}`, undefined, log);
  if (last) await pipeline.fail(order, failure);
  return permanent ? new UnrecoverableError(failure.reason) : error;
}

/** Notes a step where the board shows it. The board is a comfort: that it cannot be told stops no delivery. */
function tell(job: Job, step: string, percent: number | undefined, log: Log): void {
  const at = new Date().toISOString();
  const told = [
    job.log(`${at} ${step}`),
    ...(percent === undefined ? [] : [job.updateProgress({ percent: Math.round(percent), step })]),
  ];
  Promise.all(told).catch((err: unknown) => {
    log.debug({ err, job: job.id }, 'a step could not be noted on the board');
  });
}
