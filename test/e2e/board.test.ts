import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { startPages, type Pages } from '../support/pages.js';

const FAILED = '/queues/queue/delivery-access-logs?status=failed';
const changes = z.array(
  z.object({ by: z.string(), action: z.string(), about: z.string(), outcome: z.string() }),
);

let pages: Pages;

beforeAll(async () => {
  pages = await startPages('board', async (here) => {
    await here.addRecords({ bucket: 'photos', target: 'gone', count: 4 });
  });
});
afterEach(() => pages.closePages());
afterAll(() => pages.stop());

/** Opens the page of the failed jobs once there are some. */
async function failedJobs(session: Pages['operator']): Promise<Page> {
  const { page } = await pages.open(FAILED, { session });
  await page.getByText('NoSuchBucket').first().waitFor();
  return page;
}

describe('on the board', () => {
  test('viewers see jobs, and no button that changes any', async () => {
    const page = await failedJobs(pages.viewer);
    for (const name of ['Retry all', 'Clean all'])
      expect(await page.getByRole('button', { name }).count()).toBe(0);
  });

  test('operators retry by its button, which brings the token along, and the trail says so', async () => {
    const page = await failedJobs(pages.operator);
    const answered = page.waitForResponse((response) => response.request().method() === 'PUT');
    await page.getByRole('button', { name: 'Retry all' }).click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    const answer = await answered;
    expect([answer.status(), new URL(answer.url()).pathname]).toEqual([
      200,
      '/queues/api/queues/delivery-access-logs/retry/failed',
    ]);
    const sent = await answer.request().allHeaders();
    expect(sent['x-xsrf-token']).toMatch(/^[\w-]{43}$/);
    const trail = await page.request.get(new URL('/api/changes', pages.url).href);
    expect(changes.parse(await trail.json())[0]).toEqual({
      by: 'ada',
      action: 'board: retry all',
      about: 'failed jobs of queue delivery-access-logs',
      outcome: 'done',
    });
  });
});
