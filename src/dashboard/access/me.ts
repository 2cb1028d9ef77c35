import type { Me } from '../api/shapes.js';
import { csrfTokenOf, identityOf, type Route } from '../route.js';

/** `GET /api/me`: who asks, and what they may do. */
export function meRoute(): Route {
  return {
    method: 'get',
    path: '/api/me',
    role: 'viewer',
    does: 'Who asks, their role, and the token that their changes have to bring along',
    handler: (_request, response) => {
      const { name, role } = identityOf(response);
      const me: Me = { name, role, csrfToken: csrfTokenOf(response) };
      response.json(me);
    },
  };
}
