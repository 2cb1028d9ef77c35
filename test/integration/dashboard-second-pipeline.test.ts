import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { healthChecks } from '../../src/cli/assembly.js';
import { startDashboard } from '../../src/dashboard/server.js';
import { silentLog } from '../../src/observability/log.js';
import type { Pipeline } from '../../src/pipelines/pipeline.js';
import { look, openBrowser } from '../support/browser.js';
import { says } from '../support/pages.js';
import { useWorkbench } from '../support/test-workbench.js';

const openWorkbench = useWorkbench('second-pipeline');
/** What a pipeline says is text, whatever it looks like. */
const NOTE = 'fewer than <b>500</b> rows: the next batch waits for more';
const AT = new Date().toISOString();

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
});

/** A pipeline with words of its own: tables that become files, one of which has a full disk. */
function tables(other: Pipeline): Pipeline {
  return {
    ...other,
    name: 'tables',
    words: {
      title: 'Tables',
      goods: 'rows',
      record: { one: 'row', many: 'rows' },
      source: { one: 'table', many: 'tables' },
      target: { one: 'folder', many: 'folders' },
      object: { one: 'file', many: 'files' },
    },
    sources: () =>
      Promise.resolve({
        at: AT,
        sources: [
          {
            source: 'invoices',
            waitingRecords: 12,
            oldestAt: AT,
            lastDeliveredAt: null,
            targets: ['/archive'],
            note: NOTE,
          },
        ],
        orders: { open: 0, failed: 1, skipped: 0, delivered: 0 },
      }),
    failures: () =>
      Promise.resolve([
        {
          code: 'DiskFull',
          reason: 'the disk of /archive is full',
          targets: ['/archive'],
          since: AT,
          orders: 1,
          records: 12,
          sources: ['invoices'],
          retentionEndsAt: null,
        },
      ]),
    timeline: () =>
      Promise.resolve({
        at: AT,
        orders: [],
        totalOrders: 0,
        waitingRecords: 12,
        oldestAt: AT,
        completeUpTo: null,
        retentionEndsAt: null,
        note: NOTE,
      }),
  };
}

test('a second pipeline is shown on the pages in its own words', async () => {
  const { here, queues, atEnd } = await openWorkbench();
  const [first] = queues.deliveries;
  if (first === undefined) throw new Error('there is no pipeline');
  const dashboard = await startDashboard({
    settings: here.settings,
    metrics: here.store.metrics,
    log: silentLog(),
    checks: healthChecks(here.store, queues.redis),
    redis: queues.redis,
    queues: [],
    work: {
      version: '1.2.3',
      discovery: queues.discovery,
      deliveries: [first, { pipeline: tables(first.pipeline), queue: first.queue }],
    },
  });
  atEnd(() => dashboard.close());
  const { page, complaints, close } = await look(browser, dashboard.url);
  await says(page, 'h1', 'Tables: 1 table stuck: DiskFull');
  await page.getByRole('button', { name: 'Tables' }).click();
  await says(page, '.figures', /Waiting rows\s*12/);
  await says(page, '.figures', /Stuck tables\s*1/);
  await says(page, '.failures > li', 'the disk of /archive is full');
  await says(page, '.chart', 'Files a minute');
  await says(page, '.sources thead', /Table.*Waiting rows.*Folder/s);
  await says(page, '.sources .note', NOTE);
  expect(await page.locator('main').innerText()).not.toMatch(/bucket|log object|record/i);
  await page.getByRole('link', { name: 'invoices' }).first().click();
  await says(page, '.standing', 'Stuck with DiskFull: 12 rows wait');
  await says(page, 'p.note', NOTE);
  expect(await page.locator('main').innerText()).not.toMatch(/bucket|log object|record/i);
  expect(complaints).toEqual([]);
  await close();
});
