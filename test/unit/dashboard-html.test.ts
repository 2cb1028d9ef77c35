import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { escapeHtml, html } from '../../src/dashboard/pages/html.js';
import { shell, type Frame } from '../../src/dashboard/pages/shell.js';

const HOSTILE = `"><img src=x onerror='alert(1)'>&amp;`;
const FRAME: Frame = {
  base: '/',
  assets: 'assets/0',
  version: '1.2.3',
  identity: { name: 'ada', role: 'viewer' },
  hasLogin: true,
};

describe('a template of HTML', () => {
  test('escapes what is put in, and nothing else', () => {
    expect(html`<b title="${'"<'}">${'a & b'}${html`<i>${3}</i>`}</b>`.text).toBe(
      '<b title="&quot;&lt;">a &amp; b<i>3</i></b>',
    );
  });

  test('puts lists of HTML one behind the other', () => {
    const items = ['<', '>'].map((text) => html`<b>${text}</b>`);
    expect(html`<p>${items}</p>`.text).toBe('<p><b>&lt;</b><b>&gt;</b></p>');
  });

  test('lets no text begin or end an element or an attribute', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });
});

describe('the shell of a page', () => {
  test('shows hostile names as text', () => {
    const page = shell(
      { ...FRAME, identity: { name: HOSTILE, role: 'viewer' }, version: HOSTILE, base: HOSTILE },
      { title: HOSTILE, script: 'source.js' },
    );
    expect(page).not.toContain('<img src=x');
    expect(page).toContain('&quot;&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;amp;');
  });

  test('loads only what the dashboard serves, from below its base path, and has nothing inline', () => {
    const page = shell({ ...FRAME, base: '/log-courier/' }, { title: 'Overview', script: 'overview.js' });
    const addresses = [...page.matchAll(/(?:href|src|action)="([^"]+)"/g)].map(([, address]) => address);
    expect(addresses.length).toBeGreaterThan(6);
    for (const address of addresses) expect(address).toMatch(/^(\/log-courier\/|#content)/);
    expect(page).not.toMatch(/<style| style=| on[a-z]+=|<script(?![^>]* src=)/);
  });

  test('offers to log out only where people log in', () => {
    const page = { title: 'Overview', script: 'overview.js' } as const;
    expect(shell(FRAME, page)).toContain('Log out');
    expect(shell({ ...FRAME, hasLogin: false }, page)).not.toContain('Log out');
  });
});
