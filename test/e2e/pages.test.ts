import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import { killAll, spawnCli, type CliProcess } from '../support/cli.js';
import { deploy, type Deployment } from '../support/deployment.js';
import { faultsOf, IS_TOO_WIDE, look, openBrowser, type Watched } from '../support/browser.js';

const listening = z.object({ url: z.string() });
/** A name that S3 would never give a bucket, as a record may have it all the same. */
const HOSTILE = '<img src=x onerror="document.title=1">';
/** How long the page may take to say what has happened, in ms. */
const PROMPT_MS = 5000;

let dir: string;
let engines: Engines;
let here: Deployment;
let service: CliProcess;
let url: string;
let browser: Browser;
const watched: Watched[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-courier-pages-'));
  engines = await startEngines({ dir });
  here = await deploy(engines, 'pages', {
    LOG_COURIER_LOG_LEVEL: 'info',
    LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.2',
    LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '0.3',
    LOG_COURIER_RETRY_MAX_RETRIES: '0',
  });
  for (const bucket of ['good', 'there']) await here.createBucket(bucket);
  await here.addRecords({ bucket: 'quiet', target: 'good', count: 20 });
  await here.addRecords({ bucket: HOSTILE, target: 'good', count: 5 });
  service = spawnCli(['run'], { environment: here.environment });
  url = listening.parse(await service.logged(({ msg }) => msg === 'dashboard listening')).url;
  browser = await openBrowser();
});

afterEach(async () => {
  await Promise.all(watched.splice(0).map((one) => one.close()));
});

afterAll(async () => {
  await browser.close();
  await killAll();
  await here.close();
  await engines.stop();
  await rm(dir, { recursive: true });
});

async function open(path: string, how: Parameters<typeof look>[2] = {}): Promise<Watched> {
  const one = await look(browser, `${url}${path}`, how);
  watched.push(one);
  return one;
}

/** Waits until the page says something. */
async function says(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: PROMPT_MS });
}

describe('an operator', () => {
  test('sees a bucket break and recover without loading the page again', async () => {
    const { page, complaints } = await open('/');
    await says(page, 'h1', 'All logs delivered');
    await here.addRecords({ bucket: 'broken', target: 'gone', count: 30, ageSeconds: 5 });
    await says(page, 'h1', '1 bucket stuck: NoSuchBucket');
    await says(page, '.failures > li', 'gone');
    await here.createBucket('gone');
    await page.getByRole('button', { name: 'Retry: NoSuchBucket gone' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
    await says(page, '[role=status]', /1 (work )?order/);
    await says(page, 'h1', 'All logs delivered');
    expect(await here.keysIn('gone')).toHaveLength(1);
    expect(complaints).toEqual([]);
  });
});
