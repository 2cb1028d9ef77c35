import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Look } from '../support/browser.js';
import type { Pages } from '../support/pages.js';

/** Where the pictures go. */
const DIRECTORY = join('docs', 'images');

/** One picture. */
export interface Picture extends Look {
  /** Name of its file, without `.png`. */
  readonly name: string;
  readonly path: string;
  /** Waits until the page shows what the picture is about. */
  readonly when: (page: Page) => Promise<void>;
}

/** Opens a page, waits for what is to be seen on it, and takes a picture, which is made small. */
export async function take(pages: Pages, { name, path, when, ...how }: Picture): Promise<string> {
  const { page } = await pages.open(path, how);
  await when(page);
  await page.evaluate('document.fonts.ready');
  mkdirSync(DIRECTORY, { recursive: true });
  const file = join(DIRECTORY, `${name}.png`);
  await page.screenshot({ path: file, animations: 'disabled' });
  execFileSync('pngquant', [
    '--force',
    '--skip-if-larger',
    '--speed',
    '1',
    '--strip',
    '--output',
    file,
    '64',
    file,
  ]);
  await pages.closePages();
  return `${file}: ${String(Math.round(statSync(file).size / 1000))} kB`;
}
