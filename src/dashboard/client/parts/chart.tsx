import { formatClock, formatCompact, formatDuration } from '../format.js';
import { Component, createRef, h, type VNode } from '../vendor/preact.js';
import uPlot from '../vendor/uplot.js';

/** One line or row of bars. */
export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly kind: 'area' | 'line' | 'bars';
  /** Custom property of the style sheet that holds its colour. */
  readonly colour: string;
  readonly isDashed?: boolean;
}

interface Given {
  readonly id: string;
  readonly title: string;
  /** What the chart says, in a sentence. */
  readonly summary: string;
  /** In seconds since 1970. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly unit: 'count' | 'seconds';
  readonly isWide?: boolean;
}

const HEIGHT = 132;
const FORMATS = { count: formatCompact, seconds: formatDuration } as const;
/** Steps between the lines of an axis: those that people count in. */
const STEPS = {
  count: Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat(),
  seconds: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200].concat(
    [1, 2, 5, 10, 20, 50, 100].map((days) => days * 86_400),
  ),
} as const;
/** Charts with one key show the same moment when the pointer is over one of them. */
const SYNC_KEY = 'history';

/** A chart over time. What it shows stands beside it in words; all figures are in the table below the charts. */
export class Chart extends Component<Given> {
  readonly #place = createRef<HTMLDivElement>();
  readonly #readout = createRef<HTMLSpanElement>();
  readonly #dark = window.matchMedia('(prefers-color-scheme: dark)');
  #plot: uPlot | undefined;
  #watch: ResizeObserver | undefined;

  /** Called when it has come onto the page. */
  override componentDidMount(): void {
    const place = this.#place.current;
    if (place === null) return;
    this.#draw();
    this.#watch = new ResizeObserver(() => {
      this.#plot?.setSize({ width: place.clientWidth, height: HEIGHT });
    });
    this.#watch.observe(place);
    this.#dark.addEventListener('change', this.#draw);
  }

  /** Called when it is to show something else. */
  override componentDidUpdate(): void {
    this.#plot?.setData(dataOf(this.props));
  }

  /** Called when it leaves the page. */
  override componentWillUnmount(): void {
    this.#watch?.disconnect();
    this.#dark.removeEventListener('change', this.#draw);
    this.#plot?.destroy();
  }

  /** What it looks like. */
  override render({ id, title, summary, series, isWide }: Given): VNode {
    return (
      <figure class={isWide === true ? 'chart wide' : 'chart'} aria-labelledby={id}>
        <figcaption>
          <strong id={id}>{title}</strong>
          {series.length > 1 && (
            <span class="keys">
              {series.map(({ label, colour, isDashed }) => (
                <span key={label} class={`key ${colour} ${isDashed === true ? 'dashed' : ''}`}>
                  {label}
                </span>
              ))}
            </span>
          )}
          <span class="quiet summary">{summary}</span>
          <span class="readout" aria-hidden="true" ref={this.#readout} />
        </figcaption>
        <div class="plot" aria-hidden="true" ref={this.#place} />
      </figure>
    );
  }

  readonly #draw = (): void => {
    const place = this.#place.current;
    if (place === null) return;
    this.#plot?.destroy();
    const options = optionsFor(this.props, place.clientWidth, (plot) => {
      this.#tell(plot);
    });
    this.#plot = new uPlot(options, dataOf(this.props), place);
  };

  /** Says what the figures are where the pointer is. */
  #tell({ cursor, data }: uPlot): void {
    const readout = this.#readout.current;
    if (readout === null) return;
    const { idx } = cursor;
    const time = idx === null || idx === undefined ? undefined : data[0][idx];
    if (idx === null || idx === undefined || time === undefined) {
      readout.textContent = '';
      return;
    }
    const figures = this.props.series.map(({ label, values }) => {
      const value = values[idx];
      const figure = value === null || value === undefined ? '–' : FORMATS[this.props.unit](value);
      return this.props.series.length > 1 ? `${label} ${figure}` : figure;
    });
    readout.textContent = `${formatClock(time * 1000)} · ${figures.join(' · ')}`;
  }
}

function dataOf({ times, series }: Given): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

function optionsFor(given: Given, width: number, onCursor: (plot: uPlot) => void): uPlot.Options {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string): string => styles.getPropertyValue(`--${name}`).trim();
  const axis: uPlot.Axis = {
    stroke: colour('quiet'),
    grid: { stroke: colour('grid'), width: 1 },
    ticks: { show: false },
    font: `11px ${styles.getPropertyValue('--font').trim()}`,
  };
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC_KEY }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
    tzDate: (time) => uPlot.tzDate(new Date(time * 1000), 'Etc/UTC'),
    scales: { y: { range: (_plot, _least, most) => [0, rounded(most)] } },
    hooks: { setCursor: [onCursor] },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        gap: 6,
        space: 56,
        values: (_plot, splits) => splits.map((time) => formatClock(time * 1000)),
      },
      {
        ...axis,
        size: 52,
        gap: 6,
        space: 30,
        incrs: [...STEPS[given.unit]],
        values: (_plot, splits) => splits.map((value) => FORMATS[given.unit](value)),
      },
    ],
    series: [
      {},
      ...given.series.map((one): uPlot.Series => {
        const stroke = colour(one.colour);
        const bars = uPlot.paths.bars?.({ size: [0.7, 14] });
        return {
          label: one.label,
          stroke,
          width: 1.5,
          points: { show: true, size: 4, filter: (plot, index) => alone(plot.data[index] ?? []) },
          ...(one.isDashed === true ? { dash: [5, 3] } : {}),
          ...(one.kind === 'line' ? {} : { fill: colour(`${one.colour}-fill`) }),
          ...(one.kind === 'bars' && bars !== undefined ? { paths: bars, fill: stroke, width: 0 } : {}),
        };
      }),
    ],
  };
}

/** Where the axis ends: a little above the highest figure, and 1 when there is none. */
function rounded(most: number | null): number {
  return most === null || most <= 0 ? 1 : most * 1.08;
}

/** Positions of figures that no line would show, since nothing is known before and after them. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  const isKnown = (index: number): boolean => typeof values[index] === 'number';
  return Array.from(values, (_, index) => index).filter(
    (index) => isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1),
  );
}
