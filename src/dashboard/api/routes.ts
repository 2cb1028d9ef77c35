import type { Route } from '../route.js';
import type { Trail } from '../trail/trail.js';
import { readingRoutes, type ReadingParts } from './reading.js';

/** What the routes of the API work with. */
export interface ApiParts extends ReadingParts {
  /** Where changes are noted. */
  readonly trail: Trail;
}

/** Every address of the JSON API but those of access itself. */
export function apiRoutes(parts: ApiParts): readonly Route[] {
  return [...readingRoutes(parts)];
}
