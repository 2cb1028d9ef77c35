import type { SettingName, Settings } from './settings.js';

/** A rule between two settings that is broken. */
export interface BrokenRule {
  /** The setting to mend. */
  readonly name: SettingName;
  /** What is wrong with its value and what to do, as the end of a sentence. */
  readonly problem: string;
}

/** Tells whether an address or host name is one that only this machine can reach. */
export function isLoopback(address: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(address);
}

/** Checks what single settings cannot: rules that bind two of them. */
export function checkTogether(settings: Settings): readonly BrokenRule[] {
  return [
    ...checkDashboard(settings),
    ...pairOf(settings, 's3.access-key-id', 's3.secret-access-key'),
    ...checkObjectKeys(settings),
    ...checkDiscoveryInterval(settings),
    ...checkNotifications(settings),
  ];
}

function checkDashboard(settings: Settings): BrokenRule[] {
  const broken = pairOf(settings, 'dashboard.username', 'dashboard.password');
  if (!isLoopback(settings['dashboard.listen-address']) && settings['dashboard.username'] === '') {
    broken.push({
      name: 'dashboard.listen-address',
      problem:
        'is reachable from other machines; set dashboard.username and dashboard.password too, or listen on 127.0.0.1',
    });
  }
  // RFC 7617, section 2: the first colon of the credentials ends the user.
  if (settings['dashboard.username'].includes(':')) {
    broken.push({ name: 'dashboard.username', problem: 'is not allowed; give a name without a colon' });
  }
  return broken;
}

function pairOf(settings: Settings, name: SettingName, other: SettingName): BrokenRule[] {
  if ((settings[name] === '') === (settings[other] === '')) return [];
  const missing = settings[name] === '' ? name : other;
  return [{ name: missing, problem: `is not allowed; give ${name} and ${other} together, or neither` }];
}

function checkObjectKeys(settings: Settings): BrokenRule[] {
  const format = settings['object-key.format'];
  if (format === 'simple' || settings['object-key.source-account'] !== '') return [];
  return [
    {
      name: 'object-key.source-account',
      problem: `is not allowed with object-key.format ${format}; give the account of the source buckets`,
    },
  ];
}

function checkDiscoveryInterval(settings: Settings): BrokenRule[] {
  const least = settings['consumer.min-discovery-interval-seconds'];
  if (settings['consumer.max-discovery-interval-seconds'] >= least) return [];
  return [
    {
      name: 'consumer.max-discovery-interval-seconds',
      problem: `is not allowed; give at least consumer.min-discovery-interval-seconds, which is ${least}`,
    },
  ];
}

/** Mail needs a server, a sender and somebody to get it. */
function checkNotifications(settings: Settings): BrokenRule[] {
  const server = 'notification.smtp-url';
  return [
    ...(['notification.mail-from', 'notification.mail-to'] as const).flatMap((name) =>
      pairOf(settings, server, name),
    ),
    ...(settings['notification.webhook-secret'] !== '' && settings['notification.webhook-url'] === ''
      ? [
          {
            name: 'notification.webhook-secret' as const,
            problem: 'is not allowed; give notification.webhook-url too',
          },
        ]
      : []),
  ];
}
