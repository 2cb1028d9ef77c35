import type { Settings } from '../../config/settings.js';
import { sendMail } from './mail.js';
import type { Message } from './message.js';
import { sendToWebhook } from './webhook.js';

/** A way to tell people something. */
export interface Channel {
  /** Names it in the log and the metrics. */
  readonly name: 'webhook' | 'mail';
  /** Resolves when the other side has taken the message. */
  readonly send: (message: Message, signal: AbortSignal) => Promise<void>;
}

/** The channels that the settings name. */
export function channelsOf(settings: Settings): readonly Channel[] {
  const channels: Channel[] = [];
  if (settings['notification.webhook-url'] !== '')
    channels.push({ name: 'webhook', send: (message, signal) => sendToWebhook(settings, message, signal) });
  if (settings['notification.smtp-url'] !== '')
    channels.push({ name: 'mail', send: (message, signal) => sendMail(settings, message, signal) });
  return channels;
}
