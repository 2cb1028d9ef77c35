import { decimal, setting, text, textLike, url, type Setting } from './setting.js';

/** One address or several; what a mail server makes of them is its own affair. */
const ADDRESSES = /^([^\s,@]+@[^\s,@]+(\s*,\s*(?=.))?)*$/;

/** The rows of the settings table on who is told of what is stuck. */
export const notificationSettings = {
  'notification.webhook-url': setting(
    url(['http', 'https'], true),
    '',
    'Gets a POST when sources become stuck and when they recover; nothing for none.',
    { secret: true },
  ),
  'notification.webhook-secret': setting(
    text(),
    '',
    'Signs what is sent to the webhook (HMAC-SHA256); nothing for no signature.',
    { secret: true },
  ),
  'notification.smtp-url': setting(
    url(['smtp', 'smtps'], true),
    '',
    'Mail server that takes notifications, e.g. smtps://user:password@mail.example.com:465; nothing for no mail.',
    { secret: true },
  ),
  'notification.mail-from': setting(
    textLike(/^([^\s,@]+@[^\s,@]+)?$/, 'an e-mail address, or nothing'),
    '',
    'Sender of the mail.',
  ),
  'notification.mail-to': setting(
    textLike(ADDRESSES, 'e-mail addresses, comma-separated, or nothing'),
    '',
    'Who gets the mail.',
  ),
  'notification.interval-seconds': setting(
    decimal(1, 86_400),
    60,
    'Time between two looks for sources that have become stuck or have recovered.',
    { unit: 's' },
  ),
  'notification.min-interval-seconds': setting(
    decimal(0, 604_800),
    300,
    'Least time between two messages about a pipeline; what is new meanwhile is in the next one.',
    { unit: 's' },
  ),
  'notification.repeat-hours': setting(
    decimal(0, 8760),
    24,
    'What stays stuck is told again after this time; 0 for never.',
    { unit: 'h' },
  ),
} as const satisfies Readonly<Record<string, Setting>>;
