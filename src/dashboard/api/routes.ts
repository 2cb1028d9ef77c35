import type { Route } from '../route.js';
import { changingRoutes, type ChangingParts } from './changing.js';
import { eventRoutes } from './events.js';
import { readingRoutes } from './reading.js';

/** What the routes of the API work with. */
export type ApiParts = ChangingParts;

/** Every address of the JSON API but those of access itself. */
export function apiRoutes(parts: ApiParts): readonly Route[] {
  return [...readingRoutes(parts), ...eventRoutes(parts.overview), ...changingRoutes(parts)];
}
