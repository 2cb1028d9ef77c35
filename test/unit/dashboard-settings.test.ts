import { describe, expect, test } from '@jest/globals';
import { loadSettings, SettingsError, type SettingSources } from '../../src/config/load.js';

/** The problems with settings; none when they are all right. */
function problemsOf({ flags = {}, environment = {} }: Partial<SettingSources>): readonly string[] {
  try {
    loadSettings({ flags, environment });
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

const OIDC = {
  LOG_COURIER_DASHBOARD_OIDC_ISSUER: 'https://login.example.com',
  LOG_COURIER_DASHBOARD_OIDC_CLIENT_ID: 'log-courier',
  LOG_COURIER_DASHBOARD_OIDC_OPERATOR_VALUES: 'ops',
  LOG_COURIER_DASHBOARD_PUBLIC_URL: 'https://ops.example.com/',
};

describe('a wrong setting of the dashboard is refused with what is allowed:', () => {
  test.each([
    [
      { LOG_COURIER_DASHBOARD_LISTEN_PORT: '65536' },
      'dashboard.listen-port: "65536" (from variable LOG_COURIER_DASHBOARD_LISTEN_PORT) is not allowed; give a whole number from 0 to 65535',
    ],
    [
      { LOG_COURIER_DASHBOARD_LISTEN_ADDRESS: '0.0.0.0' },
      'dashboard.listen-address: "0.0.0.0" (from variable LOG_COURIER_DASHBOARD_LISTEN_ADDRESS) is reachable from other machines; set dashboard.username and dashboard.password too, or dashboard.users-file or dashboard.oidc-issuer, or listen on 127.0.0.1',
    ],
    [
      { LOG_COURIER_DASHBOARD_USERNAME: 'me' },
      'dashboard.password: its value (from default) is not allowed; give dashboard.username and dashboard.password together, or neither',
    ],
    [
      { LOG_COURIER_DASHBOARD_USERNAME: 'a:b', LOG_COURIER_DASHBOARD_PASSWORD: 'c' },
      'dashboard.username: "a:b" (from variable LOG_COURIER_DASHBOARD_USERNAME) is not allowed; give a name without a colon',
    ],
    [
      { LOG_COURIER_DASHBOARD_TRUSTED_PROXIES: 'loopback, 10.0.0.0/33' },
      'dashboard.trusted-proxies: "loopback, 10.0.0.0/33" (from variable LOG_COURIER_DASHBOARD_TRUSTED_PROXIES) is not allowed; give addresses and networks such as 10.0.0.0/8, comma-separated, or loopback, linklocal, uniquelocal, or nothing',
    ],
    [
      { LOG_COURIER_DASHBOARD_BASE_PATH: '/../x' },
      'dashboard.base-path: "/../x" (from variable LOG_COURIER_DASHBOARD_BASE_PATH) is not allowed; give a path such as /log-courier, or nothing for the root',
    ],
    [
      {
        LOG_COURIER_DASHBOARD_PUBLIC_URL: 'https://ops.example.com/a',
        LOG_COURIER_DASHBOARD_BASE_PATH: '/b',
      },
      'dashboard.public-url: "https://ops.example.com/a" (from variable LOG_COURIER_DASHBOARD_PUBLIC_URL) is not allowed; its path has to be dashboard.base-path, /b',
    ],
    [
      { LOG_COURIER_DASHBOARD_TLS_CERT_FILE: '/tls.crt' },
      'dashboard.tls-key-file: "" (from default) is not allowed; give dashboard.tls-cert-file and dashboard.tls-key-file together, or neither',
    ],
    [
      { LOG_COURIER_DASHBOARD_SESSION_SECRET: 'short' },
      'dashboard.session-secret: its value (from variable LOG_COURIER_DASHBOARD_SESSION_SECRET) is not allowed; give at least 32 characters, or nothing for a random one',
    ],
    [
      { ...OIDC, LOG_COURIER_DASHBOARD_OIDC_ISSUER: 'http://login.example.com' },
      'dashboard.oidc-issuer: "http://login.example.com" (from variable LOG_COURIER_DASHBOARD_OIDC_ISSUER) is not allowed; give an https:// address',
    ],
    [
      { ...OIDC, LOG_COURIER_DASHBOARD_OIDC_CLIENT_ID: '' },
      'dashboard.oidc-client-id: "" (from variable LOG_COURIER_DASHBOARD_OIDC_CLIENT_ID) is not allowed; dashboard.oidc-issuer needs it',
    ],
    [
      { ...OIDC, LOG_COURIER_DASHBOARD_OIDC_OPERATOR_VALUES: '' },
      'dashboard.oidc-operator-values: "" (from variable LOG_COURIER_DASHBOARD_OIDC_OPERATOR_VALUES) is not allowed; without it and dashboard.oidc-viewer-values nobody could log in',
    ],
  ])('%j', (environment, problem) => {
    expect(problemsOf({ environment })).toEqual([problem]);
  });
});

describe('the dashboard may listen', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost', 'LOCALHOST'])(
    'on %s without credentials',
    (address) => {
      expect(problemsOf({ flags: { 'dashboard.listen-address': address } })).toEqual([]);
    },
  );

  test.each(['0.0.0.0', '::', '10.0.0.1', 'localhost.example.com', '127.example.com'])(
    'on %s only with credentials',
    (address) => {
      const flags = { 'dashboard.listen-address': address };
      expect(problemsOf({ flags })).toHaveLength(1);
      const credentials = { 'dashboard.username': 'me', 'dashboard.password': 'hunter2' };
      expect(problemsOf({ flags: { ...flags, ...credentials } })).toEqual([]);
    },
  );
});

describe('settings of the dashboard', () => {
  test('with OpenID Connect and a base path are all right', () => {
    const environment = {
      ...OIDC,
      LOG_COURIER_DASHBOARD_LISTEN_ADDRESS: '0.0.0.0',
      LOG_COURIER_DASHBOARD_BASE_PATH: '/log-courier/',
      LOG_COURIER_DASHBOARD_PUBLIC_URL: 'https://ops.example.com/log-courier',
      LOG_COURIER_DASHBOARD_TRUSTED_PROXIES: 'loopback,10.0.0.0/8, fd00::/8 ,192.0.2.1',
    };
    const { settings } = loadSettings({ flags: {}, environment });
    expect(settings['dashboard.base-path']).toBe('/log-courier');
    expect(settings['dashboard.trusted-proxies']).toEqual([
      'loopback',
      '10.0.0.0/8',
      'fd00::/8',
      '192.0.2.1',
    ]);
  });

  test.each(['http://127.0.0.1:9000', 'http://[::1]:9000', 'http://localhost:9000/realm'])(
    'may have a provider without TLS on this machine: %s',
    (issuer) => {
      expect(problemsOf({ environment: { ...OIDC, LOG_COURIER_DASHBOARD_OIDC_ISSUER: issuer } })).toEqual([]);
    },
  );
});
