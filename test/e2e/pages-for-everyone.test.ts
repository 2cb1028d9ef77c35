import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { faultsOf, IS_TOO_WIDE } from '../support/browser.js';
import { says, startPages, type Pages } from '../support/pages.js';

/** As long as names of buckets get, and not to be broken at any blank or hyphen. */
const LONG = `b${'0123456789'.repeat(6)}xx`;
const SOURCE = `/source?${new URLSearchParams({ pipeline: 'access-logs', source: LONG }).toString()}`;

let pages: Pages;

beforeAll(async () => {
  pages = await startPages('everyone', async (here) => {
    await here.createBucket('good');
    for (const bucket of ['a', 'b', LONG])
      await here.addRecords({ bucket, target: 'good', count: 4, ageSeconds: 90 });
    await here.addRecords({ bucket: LONG, target: `t${LONG.slice(1)}`, count: 4 });
  });
});

afterEach(async () => {
  await pages.closePages();
});

afterAll(async () => {
  await pages.stop();
});

const looks = [1280, 390].flatMap((width) =>
  (['light', 'dark'] as const).flatMap((scheme) =>
    [
      ['/', '.failures > li', 'NoSuchBucket'],
      [SOURCE, '.orders > li', 'NoSuchBucket'],
    ].map(([path = '', selector = '', text = '']) => ({ path, selector, text, width, scheme })),
  ),
);

describe('a page', () => {
  test.each(looks)(
    '$path at $width pixels, $scheme, has no fault that keeps anybody out',
    async ({ path, selector, text, width, scheme }) => {
      const { page, complaints } = await pages.open(path, { width, scheme });
      await says(page, selector, text);
      expect(await faultsOf(page)).toEqual([]);
      expect(await page.evaluate(IS_TOO_WIDE)).toBe(false);
      await page.getByRole('button', { name: /^Skip/ }).first().click();
      await page.getByRole('dialog').waitFor();
      expect(await faultsOf(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  test.each(['light', 'dark'] as const)('to log in has none either, %s', async (scheme) => {
    const { page, complaints } = await pages.open('/', {
      scheme,
      width: 390,
      session: { cookies: [], origins: [] },
    });
    await page.getByLabel('User').waitFor();
    expect(await faultsOf(page)).toEqual([]);
    expect(await page.evaluate(IS_TOO_WIDE)).toBe(false);
    expect(complaints).toEqual([]);
  });
});

describe('the board', () => {
  test.each(['/queues/', '/queues/queue/delivery-access-logs?status=failed'])(
    '%s keeps to the security policy and asks nothing of other hosts',
    async (path) => {
      for (const session of [pages.operator, pages.viewer]) {
        const { page, complaints } = await pages.open(path, { session });
        await page.getByText('delivery-access-logs').first().waitFor();
        await page.waitForLoadState('networkidle');
        expect(complaints).toEqual([]);
      }
    },
  );
});
