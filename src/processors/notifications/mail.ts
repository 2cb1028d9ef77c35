import type { Settings } from '../../config/settings.js';
import type { Message } from './message.js';

/** How long the mail server may be silent, in ms. */
const TIMEOUT_MS = 10_000;

/**
 * Sends a message as mail. The library is loaded when the first is sent: most deployments send none.
 *
 * @throws what the library throws when the mail server does not take it
 */
export async function sendMail(settings: Settings, message: Message, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    url: settings['notification.smtp-url'],
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const stop = (): void => {
    transport.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await transport.sendMail({
      from: settings['notification.mail-from'],
      to: settings['notification.mail-to'],
      subject: message.title,
      text: message.text,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  } finally {
    signal.removeEventListener('abort', stop);
    transport.close();
  }
}
