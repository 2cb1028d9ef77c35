import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { z } from 'zod';

/** Where Debian and others put the browser. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/opt/homebrew/bin/chromium'];

/** The browser speaks to the dashboard alone: it must not look for updates, or for anything else. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const AXE = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
const faults = z.array(
  z.object({ id: z.string(), impact: z.string().nullable(), nodes: z.array(z.string()) }),
);

/** Starts the browser that is installed. */
export function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? PLACES.find((place) => existsSync(place));
  if (executablePath === undefined)
    throw new Error('there is no chromium; scripts/setup.sh --with tests installs it');
  return chromium.launch({ executablePath, args: QUIET });
}

/** How a page is looked at. */
export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  /** Of somebody who has logged in. */
  readonly session?: Session;
}

/** What a browser keeps of a dashboard that somebody has logged in to. */
export type Session = Awaited<ReturnType<BrowserContext['storageState']>>;

/** A page, and what its browser did not like about it. */
export interface Watched {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, violations of the content security policy, and requests to other hosts. */
  readonly complaints: readonly string[];
  readonly close: () => Promise<void>;
}

/** Opens a page at an address, and notes all that goes wrong in it. */
export async function look(browser: Browser, url: string, how: Look = {}): Promise<Watched> {
  const { width = 1280, height = 900, scheme = 'light', session } = how;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    ...(session === undefined ? {} : { storageState: session }),
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const { origin } = new URL(url);
  await page.addInitScript(
    `document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
       console.error('security policy: ' + violatedDirective + ' ' + blockedURI));`,
  );
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:'))
      complaints.push(`asked ${request.url()}`);
  });
  await page.coverage.startJSCoverage({ resetOnNavigation: false });
  await page.goto(url);
  return {
    page,
    context,
    complaints,
    close: async () => {
      await writeCoverage(page);
      await context.close();
    },
  };
}

/** What axe finds at a page that keeps people from using it: faults that are serious or critical. */
export async function faultsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const found = faults.parse(
    await page.evaluate(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
         violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html }) => html) })))`,
    ),
  );
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).join(' | ')}`);
}

/** Evaluates to true where a page is wider than its window. */
export const IS_TOO_WIDE = 'document.documentElement.scrollWidth > window.innerWidth';

let written = 0;

/** Where coverage is measured, what ran of our scripts is noted as if a process of Node.js had run it. */
async function writeCoverage(page: Page): Promise<void> {
  const covered = await page.coverage.stopJSCoverage();
  const directory = process.env['NODE_V8_COVERAGE'];
  if (directory === undefined) return;
  const client = pathToFileURL('dist/dashboard/client/').href;
  const result = covered.flatMap(({ url, scriptId, functions }) => {
    const name = /\/assets\/[0-9a-f]+\/(?!vendor\/)(.+\.js)$/.exec(url)?.[1];
    return name === undefined ? [] : [{ url: `${client}${name}`, scriptId, functions }];
  });
  written += 1;
  await mkdir(directory, { recursive: true });
  const file = `coverage-browser-${String(process.pid)}-${String(Date.now())}-${String(written)}.json`;
  await writeFile(join(directory, file), JSON.stringify({ result }));
}

/** Logs in at the dashboard's page. */
export async function logIn(browser: Browser, url: string, name: string, password: string): Promise<Session> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel('User').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText(name).first().waitFor();
  const session = await context.storageState();
  await context.close();
  return session;
}
