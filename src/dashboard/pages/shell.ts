import type { Identity } from '../route.js';
import { html, type Html } from './html.js';

/** What all pages have in common. */
export interface Frame {
  /** Where the dashboard is mounted, with a slash at both ends: `/` or `/log-courier/`. */
  readonly base: string;
  /** Where the scripts and style sheets are, below the base. */
  readonly assets: string;
  /** Version of log-courier. */
  readonly version: string;
  /** Who looks. */
  readonly identity: Identity;
  /** Whether people log in at a page, and so can log out. */
  readonly hasLogin: boolean;
}

/** One page. */
export interface PageOf {
  readonly title: string;
  /** Its entry in the navigation, if it has one. */
  readonly current?: 'overview';
  /** Its script, below the client's folder. */
  readonly script: 'overview.js' | 'source.js';
}

/** A page without its content, which its script draws: the figures come from the JSON API and stay up to date. */
export function shell(frame: Frame, page: PageOf): string {
  const { base, identity, version } = frame;
  const assets = `${base}${frame.assets}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title} · log-courier</title>
        <link rel="icon" type="image/svg+xml" href="${assets}/icon.svg" />
        <link rel="stylesheet" href="${assets}/vendor/uplot.css" />
        <link rel="stylesheet" href="${assets}/style.css" />
        <script type="module" src="${assets}/${page.script}"></script>
      </head>
      <body data-base="${base}" data-version="${version}" data-role="${identity.role}">
        <a class="skip" href="#content">Skip to the content</a>
        <header class="bar">
          <a class="brand" href="${base}"
            ><img src="${assets}/icon.svg" alt="" width="22" height="22" />log-courier</a
          >
          <nav aria-label="Pages">
            <a href="${base}" ${page.current === 'overview' ? html` aria-current="page"` : ''}>Overview</a>
            <a href="${base}queues">Queues</a>
          </nav>
          <span id="live"><span class="live">Connecting …</span></span>
          <span class="who">${identity.name} <span class="quiet">${identity.role}</span></span>
          ${logOutButton(frame)}
        </header>
        <main id="content" tabindex="-1">
          <div id="app"><p class="quiet loading">Reading how things stand …</p></div>
          <noscript
            ><p class="banner">
              This page needs JavaScript. The same figures: <code>log-courier status</code>.
            </p></noscript
          >
        </main>
        <footer>
          <p>
            log-courier ${version}. All times are UTC. Each figure and button is explained in
            <code>docs/operating.md</code>.
          </p>
        </footer>
      </body>
    </html> `.text;
}

function logOutButton({ base, hasLogin }: Frame): Html {
  return hasLogin
    ? html`<form method="post" action="${base}logout"><button type="submit">Log out</button></form>`
    : html``;
}
