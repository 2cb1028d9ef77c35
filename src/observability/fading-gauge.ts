import { Gauge, type Registry } from 'prom-client';

/** What a fading gauge is called, and where it is registered. */
export interface FadingGaugeOptions {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
  /** Whether a value is a number of seconds that runs down by itself. */
  readonly countsDown?: boolean;
  /** A clock in ms; the process's own when left out. */
  readonly clock?: () => number;
}

interface Reading {
  readonly value: number;
  readonly setAt: number;
  readonly freshForMs: number;
}

/**
 * A gauge for each pipeline that knows how long a value holds: when nobody has renewed it by then there is none, as
 * there is none before the first. A process that no longer looks thus does not show for ever what it saw last.
 */
export class FadingGauge {
  readonly #readings = new Map<string, Reading>();
  readonly #clock: () => number;

  constructor({ countsDown = false, clock = () => performance.now(), ...options }: FadingGaugeOptions) {
    this.#clock = clock;
    const readings = this.#readings;
    new Gauge({
      ...options,
      labelNames: ['pipeline'],
      collect() {
        this.reset();
        for (const [pipeline, { value, setAt, freshForMs }] of readings) {
          const ageMs = clock() - setAt;
          if (ageMs <= freshForMs) this.set({ pipeline }, countsDown ? value - ageMs / 1000 : value);
        }
      },
    });
  }

  /** Sets a pipeline's value for so many ms; undefined takes it away. */
  set(pipeline: string, value: number | undefined, freshForMs: number): void {
    if (value === undefined) this.#readings.delete(pipeline);
    else this.#readings.set(pipeline, { value, setAt: this.#clock(), freshForMs });
  }
}
