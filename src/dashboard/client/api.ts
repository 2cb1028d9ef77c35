import type { Me } from '../api/shapes.js';

/** The API did not do what it was asked for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  /**
   * @param message for people: what the API said
   * @param status of HTTP; 0 when there was no answer at all
   */
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** Parameters of a question; those that are undefined are left out. */
export type Parameters = Readonly<Record<string, string | number | undefined>>;

/** The JSON API, as pages use it. */
export class Api {
  readonly #base: string;
  #token: Promise<string> | undefined;

  /**
   * @param base where the dashboard is mounted, with a slash at both ends
   * @param answered told of the status of each answer
   */
  constructor(
    base: string,
    private readonly answered: (status: number) => void,
  ) {
    this.#base = base;
  }

  /**
   * Asks for something.
   *
   * @param path below /api/
   * @param keys that the answer has
   * @throws {ApiError} also when the server cannot be reached
   */
  async get<Answer extends object>(
    path: string,
    parameters: Parameters,
    keys: readonly (keyof Answer)[],
    signal?: AbortSignal,
  ): Promise<Answer> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) query.set(name, String(value));
    }
    return this.#ask(`${path}?${query.toString()}`, keys, signal === undefined ? {} : { signal });
  }

  /**
   * Changes something.
   *
   * @throws {ApiError} also when the server cannot be reached
   */
  async change<Answer extends object>(
    path: string,
    body: object,
    keys: readonly (keyof Answer)[],
  ): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': await this.csrfToken() };
    try {
      return await this.#ask(path, keys, { method: 'POST', headers, body: JSON.stringify(body) });
    } catch (error) {
      // The token may be that of a session which has ended; the next change asks for its own.
      this.#token = undefined;
      throw error;
    }
  }

  /** The token that shows that a change comes from this page. */
  csrfToken(): Promise<string> {
    this.#token ??= this.get<Me>('me', {}, ['csrfToken']).then(
      ({ csrfToken }) => csrfToken,
      (error: unknown) => {
        this.#token = undefined;
        throw error;
      },
    );
    return this.#token;
  }

  async #ask<Answer extends object>(
    path: string,
    keys: readonly (keyof Answer)[],
    init: RequestInit,
  ): Promise<Answer> {
    const response = await fetch(`${this.#base}api/${path}`, { ...init, redirect: 'error' }).catch(
      (error: unknown) => {
        if (init.signal?.aborted === true) throw error;
        throw new ApiError('the dashboard does not answer', 0);
      },
    );
    this.answered(response.status);
    const answer: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw new ApiError(messageIn(answer) ?? `status ${response.status}`, response.status);
    if (!hasKeys(answer, keys)) throw new ApiError('the dashboard answered something else', response.status);
    return answer;
  }
}

/** The server and the page are of one version; something that is none of its answers lacks the keys. */
function hasKeys<Answer extends object>(value: unknown, keys: readonly (keyof Answer)[]): value is Answer {
  return typeof value === 'object' && value !== null && keys.every((key) => key in value);
}

function messageIn(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined;
  return typeof answer.error === 'string' ? answer.error : undefined;
}
