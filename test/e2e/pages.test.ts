import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { says, saysNoMore, startPages, type Pages } from '../support/pages.js';

/** A name that no S3 gives a bucket; a record may have it all the same. */
const HOSTILE = `<img src=x onerror="document.title='taken over'">`;

/** How long the page may take to say what has happened, in ms. */
const PROMPT_MS = 5000;

let pages: Pages;

beforeAll(async () => {
  pages = await startPages('pages', async (here) => {
    await here.createBucket('good');
    await here.addRecords({ bucket: 'quiet', target: 'good', count: 20, prefix: 'quiet/' });
    await here.addRecords({ bucket: HOSTILE, target: 'good', count: 5 });
    for (let index = 10; index < 40; index += 1)
      await here.addRecords({ bucket: `z-${String(index)}`, target: 'good', count: 1 });
  });
});

afterEach(async () => {
  await pages.closePages();
});

afterAll(async () => {
  await pages.stop();
});

async function confirm(page: Page, verb: string): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: verb }).click();
}

/** Waits until the order book has a failed order. */
async function untilOneFailed(): Promise<void> {
  while ((await pages.here.pipeline.failed({})).length === 0) await sleep(50);
}

function sourcePage(source: string): string {
  return `/source?${new URLSearchParams({ pipeline: 'access-logs', source }).toString()}`;
}

describe('the overview', () => {
  test('says that a bucket is stuck, and that it no longer is, without being loaded again', async () => {
    const { page, complaints } = await pages.open('/');
    await says(page, 'h1', 'All logs delivered');
    await pages.here.addRecords({ bucket: 'broken', target: 'gone', count: 30, ageSeconds: 5 });
    await untilOneFailed();
    await says(page, 'h1', '1 bucket stuck: NoSuchBucket', PROMPT_MS);
    await says(page, '.failures > li', 'gone', PROMPT_MS);
    await pages.here.createBucket('gone');
    await page.getByRole('button', { name: 'Retry: NoSuchBucket gone' }).click();
    await confirm(page, 'Retry');
    await says(page, '.outcome p', '1 order with 30 records');
    await says(page, 'h1', 'All logs delivered');
    await says(page, '.trail', 'ada · retry');
    expect(await pages.here.keysIn('gone')).toHaveLength(1);
    expect(complaints).toEqual([]);
  });

  test('retries what failed by the keyboard alone', async () => {
    await pages.here.addRecords({ bucket: 'keys', target: 'locked', count: 3, ageSeconds: 5 });
    const { page } = await pages.open('/');
    await says(page, '.failures > li', 'locked');
    await pages.here.createBucket('locked');
    const retry = page.getByRole('button', { name: 'Retry: NoSuchBucket locked' });
    const isThere = async () => (await page.locator(':focus').and(retry).count()) === 1;
    for (let presses = 0; presses < 40 && !(await isThere()); presses += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await isThere()).toBe(true);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await says(page, '.outcome p', '1 order with 3 records');
    expect(await page.locator(':focus').textContent()).toContain('Failures');
    await saysNoMore(page, '.failures > li', 'locked');
  });

  test('gives orders up only with a reason, which stays with them', async () => {
    await pages.here.addRecords({ bucket: 'left', target: 'nowhere', count: 7, ageSeconds: 5 });
    const { page } = await pages.open('/');
    await page.getByRole('button', { name: 'Skip: NoSuchBucket nowhere' }).click();
    await confirm(page, 'Skip for good');
    expect(await page.getByRole('dialog').isVisible()).toBe(true);
    await page.getByLabel('Reason').fill('the customer has left <b>');
    await confirm(page, 'Skip for good');
    await says(page, '.outcome p', '1 order given up');
    await saysNoMore(page, '.failures > li', 'nowhere');
    const { page: source } = await pages.open(sourcePage('left'));
    await says(source, '.orders > li', /Skipped.*Given up by ada.*the customer has left <b>/s);
  });

  test('says who holds up what, to everyone who looks, until it goes on', async () => {
    const { page } = await pages.open('/');
    const { page: other } = await pages.open('/', { session: pages.viewer });
    await page.getByRole('button', { name: 'Pause delivery' }).click();
    await confirm(page, 'Pause delivery');
    await says(page, '.outcome p', 'delivery is paused');
    for (const one of [page, other]) await says(one, '.banner', /Delivery is paused by ada/);
    await page.getByRole('button', { name: 'Resume delivery' }).click();
    await confirm(page, 'Resume delivery');
    for (const one of [page, other]) await saysNoMore(one, '.banner', 'paused');
  });

  test('shows what its address says: search, order, time', async () => {
    const { page } = await pages.open('/');
    await says(page, '.sources tbody', 'quiet');
    await page.getByLabel('Search').fill('qui');
    await saysNoMore(page, '.sources tbody tr', 'img');
    await page.getByRole('button', { name: /^Waiting records/ }).click();
    await page.getByRole('button', { name: 'Last day' }).click();
    expect(new URL(page.url()).search).toBe('?span=day&search=qui&sort=waitingRecords&direction=desc');
    await page.reload();
    await says(page, '.sources tbody', 'quiet');
    expect(await page.getByLabel('Search').inputValue()).toBe('qui');
    expect(await page.getByRole('columnheader', { name: /^Waiting/ }).getAttribute('aria-sort')).toBe(
      'descending',
    );
    expect(await page.getByRole('button', { name: 'Last day' }).getAttribute('aria-pressed')).toBe('true');
    await page.getByLabel('Search').fill('no such bucket');
    await says(page, '.empty', 'No bucket fits this search.');
  });

  test('turns pages of buckets, and goes back to them', async () => {
    const { page } = await pages.open('/?search=z-&sort=source');
    await says(page, '.pager', '1 – 25 of 30');
    await page.getByRole('button', { name: 'Next' }).click();
    await says(page, '.pager', '26 – 30 of 30');
    await says(page, '.sources tbody', 'z-39');
    expect(new URL(page.url()).searchParams.get('page')).toBe('2');
    await page.goBack();
    await says(page, '.pager', '1 – 25 of 30');
    await page.goto(new URL('/?search=z-&page=9', pages.url).href);
    await says(page, '.pager', '26 – 30 of 30');
  });

  test('shows the figures of its charts as a table too', async () => {
    const { page } = await pages.open('/');
    await page.locator('.chart canvas').nth(4).waitFor();
    await page.getByText('The same figures as a table').click();
    expect(
      await page.getByRole('region', { name: 'Figures of the charts' }).locator('tbody tr').count(),
    ).toBe(60);
  });

  test('says when it is cut off, and goes on when the dashboard is back', async () => {
    const first = await pages.startDashboard({});
    const { page } = await pages.open(first.url);
    await says(page, '.live', 'Live');
    first.process.kill('SIGTERM');
    await says(page, '.banner', 'The connection to the dashboard is lost');
    await first.process.ended;
    await pages.startDashboard({ LOG_COURIER_DASHBOARD_LISTEN_PORT: new URL(first.url).port });
    await page.getByText('Live', { exact: false }).first().waitFor();
    await saysNoMore(page, '.banner', 'lost');
  });

  test('says so when whoever looks has been logged out elsewhere', async () => {
    const { page, context } = await pages.open('/', { session: await pages.logInAt(pages.url) });
    await says(page, '.live', 'Live');
    const other = await context.newPage();
    await other.goto(pages.url);
    await other.getByRole('button', { name: 'Log out' }).click();
    await says(page, '.banner', 'You are logged out.');
  });

  test('works below a base path', async () => {
    const { url } = await pages.startDashboard({ LOG_COURIER_DASHBOARD_BASE_PATH: '/log-courier' });
    const base = `${url}/`;
    const { page, complaints } = await pages.open(base, { session: await pages.logInAt(base) });
    await says(page, '.live', 'Live');
    await page.getByRole('link', { name: 'quiet' }).click();
    await says(page, '.standing', 'All records are delivered.');
    expect(new URL(page.url()).pathname).toBe('/log-courier/source');
    await page.getByRole('link', { name: /^Job/ }).first().click();
    await page.getByText('delivery-access-logs').first().waitFor();
    expect(new URL(page.url()).pathname).toMatch(/^\/log-courier\/queues\//);
    expect(complaints).toEqual([]);
  });
});

describe('the page of a source', () => {
  test('says up to when its logs are complete, and shows its objects down to their first lines', async () => {
    const { page, complaints } = await pages.open(sourcePage('quiet'));
    await says(page, '.standing', 'All records are delivered.');
    await says(page, '.figures', /Complete up to.*UTC/s);
    const [key = ''] = (await pages.here.keysIn('good')).filter((one) => one.startsWith('quiet/'));
    await says(page, '.objects', key);
    await page.getByRole('button', { name: `First lines of ${key}` }).click();
    await says(page, 'dialog pre', /quiet .*REST\.GET\.OBJECT/);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('shows hostile names as they are', async () => {
    const { page: overview } = await pages.open('/');
    await overview.getByRole('link', { name: HOSTILE }).click();
    await says(overview, 'h1', HOSTILE);
    await says(overview, '.standing', 'All records are delivered.');
    expect(await overview.title()).toBe(`${HOSTILE} · log-courier`);
    expect(await overview.locator('main img').count()).toBe(0);
  });

  test('says so when nothing is known of a source', async () => {
    const { page } = await pages.open(sourcePage('unheard-of'));
    await says(page, '.trouble', 'nothing is known of a bucket of that name');
  });
});

describe('a viewer', () => {
  test('sees all and no button that changes anything, and is refused', async () => {
    await pages.here.addRecords({ bucket: 'seen', target: 'unseen', count: 2, ageSeconds: 5 });
    const { page } = await pages.open('/', { session: pages.viewer });
    await says(page, '.failures > li', 'unseen');
    const names = /retry|skip|pause|resume|first lines/i;
    expect(await page.getByRole('button', { name: names }).count()).toBe(0);
    await page.goto(new URL(sourcePage('seen'), pages.url).href);
    await says(page, '.orders > li', 'Failed');
    expect(await page.getByRole('button', { name: names }).count()).toBe(0);
    const asked = await page.evaluate(
      `(async () => {
         const { csrfToken } = await (await fetch('/api/me')).json();
         const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': csrfToken };
         const body = JSON.stringify({ pipeline: 'access-logs', all: true });
         return (await fetch('/api/retry', { method: 'POST', headers, body })).status;
       })()`,
    );
    expect(asked).toBe(403);
  });
});
