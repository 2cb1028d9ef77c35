import { createHmac, randomBytes } from 'node:crypto';
import type { Settings } from '../../config/settings.js';
import type { Access } from './access.js';
import { judge } from './authentication.js';
import { meRoute } from './me.js';

/** Makes the access to a dashboard from its settings. */
export function openAccess(settings: Settings): Access {
  const { 'dashboard.username': username, 'dashboard.password': password } = settings;
  const name = username === '' ? 'localhost' : username;
  const csrfToken = createHmac('sha256', randomBytes(32)).update(name).digest('base64url');
  return {
    find: (request) => {
      const verdict = judge({ ...request.headers, host: request.host }, { username, password });
      switch (verdict) {
        case 'allowed':
          return Promise.resolve({ kind: 'known', identity: { name, role: 'operator' }, csrfToken, bySession: false });
        case 'unauthorized':
          return Promise.resolve({ kind: 'refused' });
        case 'wrong-host':
          return Promise.resolve({ kind: 'wrong-host' });
      }
    },
    routes: [meRoute()],
    hasLoginPage: false,
  };
}
