import { html, type Html } from '../pages/html.js';

/** What the page to log in shows. */
export interface LoginPage {
  readonly basePath: string;
  /** Where to go afterwards, without the base path. */
  readonly next: string;
  /** Whether there are users with passwords. */
  readonly hasForm: boolean;
  /** Whether there is an OpenID Connect provider. */
  readonly hasProvider: boolean;
  /** What went wrong. */
  readonly problem?: string;
  /** What is to be said otherwise. */
  readonly news?: string;
  /** The name that was given last. */
  readonly name?: string;
}

/** Where the style of the page stands, below the base path. */
export const LOGIN_STYLE_PATH = '/static/login.css';

/** Renders the page to log in. It needs no script. */
export function loginPage(page: LoginPage): string {
  const { basePath, problem, news } = page;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>Log in · log-courier</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${basePath}${LOGIN_STYLE_PATH}" />
      </head>
      <body>
        <main>
          <h1>log-courier</h1>
          ${problem === undefined ? '' : html`<p class="problem" role="alert">${problem}</p>`}
          ${news === undefined ? '' : html`<p class="news" role="status">${news}</p>`}
          ${page.hasForm ? form(page) : ''} ${page.hasProvider ? provider(page) : ''}
        </main>
      </body>
    </html> `.text;
}

function form({ basePath, next, name = '' }: LoginPage): Html {
  return html`<form method="post" action="${basePath}/login">
    <input type="hidden" name="next" value="${next}" />
    <label for="name">User</label>
    <input
      id="name"
      name="name"
      value="${name}"
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      required
      autofocus
    />
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" required />
    <button type="submit">Log in</button>
  </form>`;
}

function provider({ basePath, next, hasForm }: LoginPage): Html {
  const address = `${basePath}/login/oidc?next=${encodeURIComponent(next)}`;
  return html`${hasForm ? html`<p class="or">or</p>` : ''}<a class="provider" href="${address}"
      >Log in with single sign-on</a
    >`;
}
