import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { hashPassword } from '../../src/dashboard/access/password-hash.js';
import { startEngines } from '../../src/embedded/engines.js';
import { logIn, look, openBrowser, type Look, type Session, type Watched } from './browser.js';
import { killAll, spawnCli, type CliProcess, type Environment } from './cli.js';
import { deploy, type Deployment } from './deployment.js';

/** How long a page is waited for, in ms, also on a machine that does much else. */
const PATIENCE_MS = 30_000;

const PASSWORD = 'correct horse';
const listening = z.object({ url: z.string() });

/** A log-courier that runs, and a browser that looks at it. */
export interface Pages {
  readonly here: Deployment;
  readonly browser: Browser;
  readonly url: string;
  /** A session of ada, who is an operator. */
  readonly operator: Session;
  /** A session of vic, who is a viewer. */
  readonly viewer: Session;
  /** Logs ada in at another dashboard. */
  readonly logInAt: (url: string) => Promise<Session>;
  /** Opens a page of it, as ada unless it is said otherwise. */
  readonly open: (path: string, how?: Look) => Promise<Watched>;
  /** Starts another process, such as a dashboard of its own, and answers where its dashboard is. */
  readonly startDashboard: (
    more: Environment,
  ) => Promise<{ readonly url: string; readonly process: CliProcess }>;
  /** Closes the pages that are open. */
  readonly closePages: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Sets one up; nothing in it waits for long, and what fails does so at once. */
export async function startPages(
  name: string,
  prepare: (here: Deployment) => Promise<void>,
  more: Environment = {},
): Promise<Pages> {
  const dir = await mkdtemp(join(tmpdir(), `log-courier-${name}-`));
  const engines = await startEngines({ dir: join(dir, 'engines') });
  const users = join(dir, 'users.yaml');
  const hash = await hashPassword(PASSWORD);
  await writeFile(
    users,
    `users:\n  - { name: ada, role: operator, password: ${hash} }\n  - { name: vic, role: viewer, password: ${hash} }\n`,
  );
  const here = await deploy(engines, name, {
    LOG_COURIER_LOG_LEVEL: 'info',
    LOG_COURIER_CONSUMER_MIN_DISCOVERY_INTERVAL_SECONDS: '0.2',
    LOG_COURIER_CONSUMER_MAX_DISCOVERY_INTERVAL_SECONDS: '0.3',
    LOG_COURIER_RETRY_MAX_RETRIES: '0',
    LOG_COURIER_DASHBOARD_USERS_FILE: users,
    LOG_COURIER_DASHBOARD_SESSION_SECRET: 'a secret that all dashboards of a test have in common',
    ...more,
  });
  await prepare(here);
  const start = async (words: readonly string[], more: Environment) => {
    const process = spawnCli(words, { environment: { ...here.environment, ...more } });
    const { url } = listening.parse(await process.logged(({ msg }) => msg === 'dashboard listening'));
    return { url, process };
  };
  const { url } = await start(['run'], {});
  const browser = await openBrowser();
  const operator = await logIn(browser, url, 'ada', PASSWORD);
  const viewer = await logIn(browser, url, 'vic', PASSWORD);
  const opened: Watched[] = [];
  return {
    here,
    browser,
    url,
    operator,
    viewer,
    logInAt: (address) => logIn(browser, address, 'ada', PASSWORD),
    open: async (path, how) => {
      const one = await look(browser, new URL(path, url).href, { session: operator, ...how });
      opened.push(one);
      return one;
    },
    startDashboard: (more) => start(['run', '--roles', 'dashboard'], more),
    closePages: async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()));
    },
    stop: async () => {
      await browser.close();
      await killAll();
      await here.close();
      await engines.stop();
      await rm(dir, { recursive: true });
    },
  };
}

/** Waits until a page says something. */
export async function says(
  page: Page,
  selector: string,
  text: string | RegExp,
  timeout = PATIENCE_MS,
): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout });
}

/** Waits until a page no longer says something. */
export async function saysNoMore(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page
    .locator(selector)
    .filter({ hasText: text })
    .first()
    .waitFor({ timeout: PATIENCE_MS, state: 'detached' });
}
