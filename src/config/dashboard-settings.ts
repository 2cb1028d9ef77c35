import { isIP } from 'node:net';
import { z } from 'zod';
import { decimal, integer, setting, text, textLike, url, type Setting } from './setting.js';

/** An IP address or the name of a host. */
export const address = (): ReturnType<typeof textLike> =>
  textLike(/^[0-9A-Za-z.:_-]+$/, 'an IP address or host name');
/** A TCP port; 0 for any free one. */
export const port = (): ReturnType<typeof integer> => integer(0, 65535);

const basePath = (): z.ZodType<string> => {
  const allowed = 'a path such as /log-courier, or nothing for the root';
  return textLike(/^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?$/, allowed)
    .transform((path) => path.replace(/\/$/, ''))
    .describe(allowed);
};

const NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];

const proxies = (): z.ZodType<readonly string[]> => {
  const allowed = `addresses and networks such as 10.0.0.0/8, comma-separated, or ${NETWORKS.join(', ')}, or nothing`;
  return z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',').filter((part) => part.trim() !== '') : value),
      z.array(
        z.string(allowed).transform((part) => part.trim()),
        allowed,
      ),
    )
    .refine((list) => list.every(isProxy), { error: allowed })
    .describe(allowed);
};

function isProxy(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return NETWORKS.includes(text);
  return (
    bits === undefined ||
    (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128))
  );
}

const HIDDEN = { secret: true };

/** The rows of the settings table on the dashboard and who may use it. */
export const dashboardSettings = {
  'dashboard.listen-address': setting(address(), '127.0.0.1', 'Address of the dashboard.'),
  'dashboard.listen-port': setting(port(), 8080, 'Port of the dashboard; 0 for any free one.'),
  'dashboard.base-path': setting(
    basePath(),
    '',
    'Path that everything of the dashboard stands below, when a proxy shows it at one.',
  ),
  'dashboard.public-url': setting(
    url(['http', 'https'], true),
    '',
    'Where users reach the dashboard, with its base path: for links, and where OpenID Connect leads back to.',
  ),
  'dashboard.trusted-proxies': setting(
    proxies(),
    '',
    'Proxies whose X-Forwarded-For, -Proto and -Host are believed.',
  ),
  'dashboard.tls-cert-file': setting(
    text(),
    '',
    'PEM file of the dashboard’s certificate and those that vouch for it; it is read again when it changes.',
  ),
  'dashboard.tls-key-file': setting(text(), '', 'PEM file of the certificate’s key.'),
  'dashboard.username': setting(
    text(),
    '',
    'An operator of the dashboard; it needs users when it listens on more than this machine.',
  ),
  'dashboard.password': setting(
    text(),
    '',
    'Password of this operator, or its hash as `log-courier hash-password` prints it.',
    HIDDEN,
  ),
  'dashboard.users-file': setting(
    text(),
    '',
    'YAML file of the dashboard’s users, their roles and hashes; it is read again when it changes.',
  ),
  'dashboard.session-secret': setting(
    textLike(/^(.{32,})?$/, 'at least 32 characters, or nothing for a random one'),
    '',
    'Signs sessions; every replica of a dashboard needs the same. A random one ends all sessions with the process.',
    HIDDEN,
  ),
  'dashboard.session-hours': setting(decimal(0.01, 720), 12, 'How long a session lasts.', { unit: 'h' }),
  'dashboard.failed-logins-per-minute': setting(
    integer(1, 10_000),
    10,
    'Wrong credentials that one address may give in a minute before it has to wait.',
    { unit: '1/min' },
  ),
  'dashboard.oidc-issuer': setting(
    url(['http', 'https'], true),
    '',
    'OpenID Connect provider that users log in with; nothing for none.',
  ),
  'dashboard.oidc-client-id': setting(text(), '', 'Name of the dashboard at the provider.'),
  'dashboard.oidc-client-secret': setting(
    text(),
    '',
    'Secret of the dashboard at the provider; nothing for a public client.',
    HIDDEN,
  ),
  'dashboard.oidc-scopes': setting(
    textLike(/^[!#-[\]-~]+( [!#-[\]-~]+)*$/, 'scopes with spaces between them'),
    'openid profile email',
    'What the provider is asked for.',
  ),
  'dashboard.oidc-name-claim': setting(
    text(),
    'preferred_username',
    'Claim that names the user; sub where it is missing.',
  ),
  'dashboard.oidc-role-claim': setting(
    text(),
    'groups',
    'Claim that decides on the role: a text, or a list of them.',
  ),
  'dashboard.oidc-operator-values': setting(
    text(),
    '',
    'Values of the claim, comma-separated, that make an operator.',
  ),
  'dashboard.oidc-viewer-values': setting(
    text(),
    '',
    'Values of the claim, comma-separated, that make a viewer; * lets everyone in whom the provider knows.',
  ),
} as const satisfies Readonly<Record<string, Setting>>;
