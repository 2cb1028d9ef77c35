import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { routeTables } from '../../src/dashboard/routes-docs.js';

describe('docs/api.md', () => {
  test.each(['dashboard', 'board', 'metricsServer'] as const)(
    'has the addresses and roles of the %s that `npm run docs` writes between its markers',
    async (name) => {
      const table = (await routeTables())[name];
      expect(table.split('\n').length).toBeGreaterThan(3);
      expect(readFileSync('docs/api.md', 'utf8')).toContain(
        `<!-- ${name} -->\n\n${table}\n\n<!-- /${name} -->`,
      );
    },
  );
});
