import type { Overview } from '../api/shapes.js';
import { Api } from './api.js';
import { followEvents, type Connection } from './live.js';
import { readPage, type Page } from './page.js';

/** A change that waits for a person to confirm it. */
export interface Question {
  readonly title: string;
  /** What will happen, in a sentence or two. */
  readonly text: string;
  /** What the button says that does it. */
  readonly verb: string;
  /** Whether something is given up by it. */
  readonly isGrave: boolean;
  /** Whether the person has to say why. */
  readonly asksReason: boolean;
  /** Ids of elements of which the first takes the focus afterwards: the button that was pressed may be gone. */
  readonly returnTo: readonly string[];
  /** Does it, and says how it went. */
  readonly act: (reason: string) => Promise<string>;
}

/** How often ages on the page grow, in ms. */
const TICK_MS = 5000;

/** What the pages have in common: the news from the server, its clock, and what is being asked and told. */
export class Desk {
  readonly page: Page = readPage();
  readonly api = new Api(this.page.base, (status) => {
    const isOut = status === 401;
    if (isOut === this.isLoggedOut) return;
    this.isLoggedOut = isOut;
    this.changed();
  });
  overview: Overview | undefined;
  connection: Connection = { state: 'connecting', since: Date.now() };
  /** Whether the server no longer knows who looks. */
  isLoggedOut = false;
  question: Question | undefined;
  /** How the last change went. */
  outcome: string | undefined;
  #clockDifferenceMs = 0;
  #isDue = false;

  /**
   * @param render draws the page
   * @param onNews reads what the events do not bring; all of it when something was changed here
   */
  constructor(
    private readonly render: () => void,
    private readonly onNews: (isOwnChange: boolean) => void,
  ) {}

  /** Begins to follow the server. */
  start(): void {
    followEvents(`${this.page.base}api/events`, {
      onOverview: (overview) => {
        this.#take(overview);
      },
      onFailure: () => {
        void this.#askInstead();
      },
      onConnection: (connection) => {
        this.connection = connection;
        this.changed();
      },
    });
    window.setInterval(() => {
      this.changed();
    }, TICK_MS);
    this.changed();
  }

  #take(overview: Overview): void {
    this.#clockDifferenceMs = Date.parse(overview.at) - Date.now();
    this.overview = overview;
    this.changed();
    this.onNews(false);
  }

  /** Asks for what events do not bring: proxies may keep them back, and the answer tells whether one is logged out. */
  async #askInstead(): Promise<void> {
    const asked = this.api.get<Overview>('overview', {}, ['headline', 'pipelines']);
    const overview = await asked.catch(() => undefined);
    if (overview !== undefined) this.#take(overview);
  }

  /** The time by the server's clock, in ms: ages on the page do not depend on the clock of whoever looks. */
  get now(): number {
    return Date.now() + this.#clockDifferenceMs;
  }

  /** The same for a time of this machine. */
  atServer(time: number): number {
    return time + this.#clockDifferenceMs;
  }

  /** Draws the page soon, once for all that changes until then. */
  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.render();
    });
  }

  /** Asks a person to confirm a change. */
  ask(question: Question): void {
    this.question = question;
    this.changed();
  }

  /** Ends the question, with what is to be told about how it went. */
  settle(outcome?: string): void {
    const { returnTo = [] } = this.question ?? {};
    this.question = undefined;
    if (outcome !== undefined) this.outcome = outcome;
    this.changed();
    if (outcome === undefined) return;
    // Behind the drawing, which closes the dialog and gives the focus back to the button.
    queueMicrotask(() => {
      returnTo
        .map((id) => document.getElementById(id))
        .find((element) => element !== null)
        ?.focus();
    });
    this.onNews(true);
  }

  /** Takes away what was told. */
  dismiss(): void {
    this.outcome = undefined;
    this.changed();
  }
}
