import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { routeTables } from '../../src/dashboard/routes-docs.js';
import {
  changedSchema,
  failuresSchema,
  historySchema,
  objectHeadSchema,
  overviewSchema,
  pausesSchema,
  sourceSchema,
  sourcesSchema,
} from '../support/api-schemas.js';

const page = readFileSync('docs/api.md', 'utf8');

/** The section of an address. */
function sectionOf(heading: string): string {
  const from = page.indexOf(`### ${heading}\n`);
  if (from === -1) throw new Error(`docs/api.md has no section ${heading}`);
  const rest = page.slice(from + 4);
  return rest.slice(0, rest.search(/^##/m));
}

const EXAMPLES: readonly (readonly [heading: string, schema: z.ZodType])[] = [
  ['`GET /api/overview`', overviewSchema],
  ['`GET /api/sources`', sourcesSchema],
  ['`GET /api/failures`', failuresSchema],
  ['`GET /api/source`', sourceSchema],
  ['`GET /api/history`', historySchema],
  ['`GET /api/object-head`', objectHeadSchema],
  ['`POST /api/retry`', changedSchema],
  ['`POST /api/skip`', changedSchema],
  ['`POST /api/pause` and `POST /api/resume`', pausesSchema],
];

describe('docs/api.md', () => {
  test.each(EXAMPLES)('has an example of %s that is of the form of real answers', (heading, schema) => {
    const example = /```json\n(.*?)```/s.exec(sectionOf(heading))?.[1];
    expect(schema.safeParse(JSON.parse(example ?? '')).error).toBeUndefined();
  });

  test('tells of every address of the API', async () => {
    const { dashboard } = await routeTables();
    const paths = [...dashboard.matchAll(/`(?:GET|POST) (\/api\/[\w-]+)`/g)].map(([, path]) => path ?? '');
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) expect(page.replace(dashboard, '')).toContain(path);
  });
});
