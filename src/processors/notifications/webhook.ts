import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../../config/settings.js';
import { within } from '../../observability/within.js';
import type { Message } from './message.js';

/** The webhook did not take a message. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';

  /**
   * @param message never with the address: it may be a secret
   * @param isWorthARetry whether the same may succeed before long
   */
  constructor(
    message: string,
    readonly isWorthARetry: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** How long the webhook may take to answer, in ms. */
const TIMEOUT_MS = 10_000;
/** Waits between attempts, in ms. */
const WAITS_MS = [500, 2000, 5000];

/**
 * Sends a message, several times if need be, each time under the same id.
 *
 * @throws {WebhookError} when the webhook did not take it
 */
export async function sendToWebhook(
  settings: Settings,
  message: Message,
  signal: AbortSignal,
  waitsMs: readonly number[] = WAITS_MS,
): Promise<void> {
  const body = JSON.stringify({ ...message, text: forChat(message.text) });
  const id = randomUUID();
  for (let attempt = 0; ; attempt += 1) {
    try {
      await within(TIMEOUT_MS, signal, (limit) => post(settings, id, body, limit));
      return;
    } catch (error) {
      signal.throwIfAborted();
      const failure = asWebhookError(error);
      const wait = waitsMs[attempt];
      if (wait === undefined || !failure.isWorthARetry) throw failure;
      await sleep(wait, undefined, { signal });
    }
  }
}

/** Signs a body as the webhook can check it: HMAC-SHA256 of the time, a dot and the body, hex. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

async function post(settings: Settings, id: string, body: string, signal: AbortSignal): Promise<void> {
  const secret = settings['notification.webhook-secret'];
  const timestamp = String(Math.floor(Date.now() / 1000));
  const response = await fetch(settings['notification.webhook-url'], {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'User-Agent': 'log-courier',
      'X-Log-Courier-Delivery': id,
      'X-Log-Courier-Timestamp': timestamp,
      ...(secret === '' ? {} : { 'X-Log-Courier-Signature': signatureOf(secret, timestamp, body) }),
    },
    body,
    // What is signed for one place is not handed on to another.
    redirect: 'manual',
    signal,
  });
  await response.body?.cancel();
  if (response.ok) return;
  const isWorthARetry = response.status >= 500 || response.status === 429 || response.status === 408;
  throw new WebhookError(`the webhook answered with status ${String(response.status)}`, isWorthARetry);
}

function asWebhookError(error: unknown): WebhookError {
  if (error instanceof WebhookError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new WebhookError(`the webhook could not be reached: ${why}`, true, { cause: error });
}

/**
 * What chat programs would take for markup of their own, e.g. a call of everybody in the channel, is made plain: names
 * of sources and answers of destinations come from strangers.
 */
function forChat(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
