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
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>Log in · log-courier</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${escaped(basePath + LOGIN_STYLE_PATH)}">
</head>
<body>
<main>
<h1>log-courier</h1>
${problem === undefined ? '' : `<p class="problem" role="alert">${escaped(problem)}</p>`}
${news === undefined ? '' : `<p class="news" role="status">${escaped(news)}</p>`}
${page.hasForm ? form(page) : ''}
${page.hasProvider ? provider(page) : ''}
</main>
</body>
</html>
`;
}

function form({ basePath, next, name = '' }: LoginPage): string {
  return `<form method="post" action="${escaped(basePath)}/login">
<input type="hidden" name="next" value="${escaped(next)}">
<label for="name">User</label>
<input id="name" name="name" value="${escaped(name)}" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Log in</button>
</form>`;
}

function provider({ basePath, next, hasForm }: LoginPage): string {
  const address = `${basePath}/login/oidc?next=${encodeURIComponent(next)}`;
  return `${hasForm ? '<p class="or">or</p>' : ''}<a class="provider" href="${escaped(address)}">Log in with single sign-on</a>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in HTML, in attributes too. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
