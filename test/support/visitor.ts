import { z } from 'zod';

const me = z.object({ name: z.string(), role: z.enum(['viewer', 'operator']), csrfToken: z.string() });

/** What a request is made of. */
export interface Visit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a form, as browsers do. */
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
}

/** A browser of sorts: it keeps cookies and follows no redirect by itself. */
export class Visitor {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #cookies = new Map<string, string>();

  /**
   * @param base address that paths stand below
   * @param headers sent with each request
   */
  constructor(base: string, headers: Readonly<Record<string, string>> = {}) {
    this.#base = base;
    this.#headers = headers;
  }

  /** The value of a cookie. */
  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  /** Another one with the same cookies and headers. */
  copy(base = this.#base): Visitor {
    const other = new Visitor(base, this.#headers);
    for (const [name, value] of this.#cookies) other.#cookies.set(name, value);
    return other;
  }

  /** Sends a request to a path, or to a whole address. */
  async visit(path: string, { method, headers, form, json }: Visit = {}): Promise<Response> {
    const body = form === undefined ? undefined : new URLSearchParams(form);
    const response = await fetch(/^https?:/.test(path) ? path : `${this.#base}${path}`, {
      method: method ?? (form === undefined && json === undefined ? 'GET' : 'POST'),
      redirect: 'manual',
      headers: {
        ...this.#headers,
        ...(this.#cookies.size === 0 ? {} : { cookie: this.#cookieHeader() }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body }),
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  /** Logs in by the form. */
  logIn(name: string, password: string, next = '/'): Promise<Response> {
    return this.visit('/login', { form: { name, password, next } });
  }

  /** Who the dashboard takes this for. */
  async me(): Promise<z.infer<typeof me>> {
    return me.parse(await (await this.visit('/api/me')).json());
  }

  #cookieHeader(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
