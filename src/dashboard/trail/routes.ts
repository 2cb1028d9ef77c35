import { z } from 'zod';
import type { Route } from '../route.js';
import { KEPT_CHANGES, type Trail } from './trail.js';

/** Changes that are answered when nobody says how many are wanted. */
const USUAL_LIMIT = 100;

const query = z.object({ limit: z.coerce.number().int().min(1).max(KEPT_CHANGES).default(USUAL_LIMIT) });

/** `GET /api/changes?limit=100`: the trail of changes, newest first. */
export function trailRoutes(trail: Trail): readonly Route[] {
  return [
    {
      method: 'get',
      path: '/api/changes',
      role: 'viewer',
      does: `Who changed what, newest first: \`limit\` of them (${String(USUAL_LIMIT)}; at most ${String(KEPT_CHANGES)}); 503 while Redis is away`,
      handler: async (request, response) => {
        const parsed = query.safeParse(request.query);
        if (!parsed.success) {
          response
            .status(400)
            .json({ error: `limit: give a whole number from 1 to ${String(KEPT_CHANGES)}` });
          return;
        }
        response.json(await trail.last(parsed.data.limit));
      },
    },
  ];
}
