import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/** Folders whose pages are the project's own. */
const FOLDERS = ['docs', 'deploy', '.github', 'bench'];

const pages = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
].sort();

/** A page without its code, in which nothing is a link. */
function proseOf(page: string): string {
  return readFileSync(page, 'utf8')
    .replaceAll(/^(```+).*?^\1/gms, '')
    .replaceAll(/`[^`\n]*`/g, '');
}

/** Targets of the links of a page, the ones to elsewhere left out. */
function linksOf(page: string): readonly string[] {
  const prose = proseOf(page);
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)];
  const references = [...prose.matchAll(/^\[[^\]]+\]: (\S+)/gm)];
  const attributes = [...prose.matchAll(/(?:src|href)="([^"]+)"/g)];
  return [...inline, ...references, ...attributes]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/.test(target));
}

/**
 * Names of the headings of a page, as GitHub makes them: lower case, without punctuation, a dash for each space, and a
 * number for one that was there before.
 */
function anchorsOf(page: string): ReadonlySet<string> {
  const text = readFileSync(page, 'utf8').replaceAll(/^(```+).*?^\1/gms, '');
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.matchAll(/^#{1,6} (.+?)\s*#*$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[*`]/g, '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    anchors.add(times === 0 ? slug : `${slug}-${times}`);
  }
  for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** What is wrong with a link; undefined when it leads somewhere. */
function faultOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  if (!existsSync(target)) return `${link}: ${target} is not there`;
  if (anchor === undefined || !statSync(target).isFile() || !target.endsWith('.md')) return undefined;
  return anchorsOf(target).has(decodeURIComponent(anchor))
    ? undefined
    : `${link}: ${target} has no such heading`;
}

describe('the links of a page', () => {
  test.each(pages)('%s lead to files and headings that are there', (page) => {
    expect(linksOf(page).flatMap((link) => faultOf(page, link) ?? [])).toEqual([]);
  });

  test('are found, and so are those that lead nowhere', () => {
    expect(linksOf('docs/README.md').length).toBeGreaterThan(10);
    expect(faultOf('docs/README.md', 'nothing.md')).toContain('is not there');
    expect(faultOf('docs/README.md', 'faq.md#nothing')).toContain('no such heading');
    expect(faultOf('docs/README.md', '../CONTRIBUTING.md#to-add-a-pipeline')).toBeUndefined();
  });
});

describe('the index', () => {
  test('names every page of the documentation', () => {
    const named = linksOf('docs/README.md').map((link) =>
      normalize(join('docs', link.split('#', 1).join(''))),
    );
    const missing = pages.filter(
      (page) => /^(docs|deploy)\//.test(page) && page !== 'docs/README.md' && !named.includes(page),
    );
    expect(missing).toEqual([]);
  });

  test('is named by the README, as are the first pages to read', () => {
    const links = linksOf('README.md');
    for (const page of [
      'docs/README.md',
      'docs/getting-started.md',
      'docs/production.md',
      'docs/guarantees.md',
    ])
      expect(links.map((link) => link.split('#', 1).join(''))).toContain(page);
  });
});

describe('the page of guarantees', () => {
  test('names every test of an invariant', () => {
    const text = readFileSync('docs/guarantees.md', 'utf8');
    const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join('test', name))
      .filter((file) =>
        /(describe|test)(\.each\([^)]*\))?\(\s*['"`]invariants? \d/.test(readFileSync(file, 'utf8')),
      );
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !text.includes(file))).toEqual([]);
  });
});
