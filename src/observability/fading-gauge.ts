import { Gauge, type Registry } from 'prom-client';

/** What a fading gauge is called, and where it is registered. */
export interface FadingGaugeOptions<Label extends string = never> {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
  /** Labels beside the pipeline. */
  readonly labelNames?: readonly Label[];
  /** Whether a value is a number of seconds that runs down by itself. */
  readonly countsDown?: boolean;
  /** A clock in ms; the process's own when left out. */
  readonly clock?: () => number;
}

interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly setAt: number;
  readonly freshForMs: number;
}

/**
 * A gauge for each pipeline that knows how long a value holds: when nobody has renewed it by then there is none, as
 * there is none before the first. A process that no longer looks thus does not show for ever what it saw last.
 */
export class FadingGauge<Label extends string = never> {
  readonly #readings = new Map<string, Reading>();
  readonly #clock: () => number;

  constructor({
    labelNames = [],
    countsDown = false,
    clock = () => performance.now(),
    ...options
  }: FadingGaugeOptions<Label>) {
    this.#clock = clock;
    const readings = this.#readings;
    new Gauge<string>({
      ...options,
      labelNames: ['pipeline', ...labelNames],
      collect() {
        this.reset();
        for (const { labels, value, setAt, freshForMs } of readings.values()) {
          const ageMs = clock() - setAt;
          if (ageMs <= freshForMs) this.set(labels, countsDown ? value - ageMs / 1000 : value);
        }
      },
    });
  }

  /**
   * Sets a pipeline's value for so many ms; undefined takes it away. Behind it stand the values of the labels beside the
   * pipeline, if the gauge has some.
   */
  set(
    pipeline: string,
    value: number | undefined,
    freshForMs: number,
    ...more: [Label] extends [never] ? [] : [more: Readonly<Record<Label, string>>]
  ): void {
    const labels = { pipeline, ...more[0] };
    const key = JSON.stringify(Object.entries(labels).sort());
    if (value === undefined) this.#readings.delete(key);
    else this.#readings.set(key, { labels, value, setAt: this.#clock(), freshForMs });
  }
}
