import type { History, HistoryPoint, PipelineWords } from '../../api/shapes.js';
import type { Desk } from '../desk.js';
import {
  capitalized,
  formatClock,
  formatCompact,
  formatCount,
  formatDuration,
  formatUtc,
} from '../format.js';
import { inFewerSteps } from '../history.js';
import type { Loaded } from '../resource.js';
import type { View } from '../sources-query.js';
import { Fragment, h, type VNode } from '../vendor/preact.js';
import { Chart, type Series } from './chart.js';
import { StateOfLoading } from './state-of-loading.js';

interface Given {
  readonly desk: Desk;
  readonly words: PipelineWords;
  readonly history: Loaded<History>;
  readonly span: View['span'];
  readonly onSpan: (span: View['span']) => void;
}

type Figure = Exclude<keyof HistoryPoint, 'at'>;

/** The last hour or day in charts, and the same figures as a table. */
export function Charts({ desk, words, history, span, onSpan }: Given): VNode {
  const { value } = history;
  return (
    <section aria-labelledby="history">
      <div class="section-head">
        <h2 id="history">
          The last {span} <span class="quiet">UTC</span>
        </h2>
        <div class="buttons joined" role="group" aria-label="Time shown">
          {(['hour', 'day'] as const).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === span}
              onClick={() => {
                onSpan(one);
              }}
            >
              Last {one}
            </button>
          ))}
        </div>
      </div>
      <StateOfLoading desk={desk} of={history} what="The history" />
      {value !== undefined && <Drawn key={value.span} words={words} history={inFewerSteps(value)} />}
    </section>
  );
}

function Drawn({ words, history }: { readonly words: PipelineWords; readonly history: History }): VNode {
  const { points, stepSeconds } = history;
  const times = points.map(({ at }) => Date.parse(at) / 1000);
  const valuesOf = (figure: Figure): readonly (number | null)[] => points.map((point) => point[figure]);
  const perMinute = (figure: Figure): readonly (number | null)[] =>
    valuesOf(figure).map((value) => (value === null ? null : (value * 60) / stepSeconds));
  const one = (
    label: string,
    values: Series['values'],
    colour: string,
    kind: Series['kind'],
  ): readonly Series[] => [{ label, values, colour, kind }];
  const records = perMinute('records');
  const objects = perMinute('objects');
  const failures = valuesOf('failures');
  const backlog = valuesOf('backlogRecords');
  const [p50, p99] = [valuesOf('lagP50Seconds'), valuesOf('lagP99Seconds')];
  const share = { times };
  const minutes = stepSeconds / 60;
  return (
    <Fragment>
      <div class="charts">
        <Chart
          {...share}
          id="chart-records"
          title={`${capitalized(words.record.many)} delivered a minute`}
          summary={lastAndMost(records, formatCompact)}
          series={one(words.record.many, records, 'line-1', 'area')}
          unit="count"
        />
        <Chart
          {...share}
          id="chart-objects"
          title={`${capitalized(words.object.many)} a minute`}
          summary={lastAndMost(objects, formatCompact)}
          series={one(words.object.many, objects, 'line-1', 'area')}
          unit="count"
        />
        <Chart
          {...share}
          id="chart-failures"
          title="Work orders failed"
          summary={inAll(failures)}
          series={one('failures', failures, 'line-bad', 'bars')}
          unit="count"
        />
        <Chart
          {...share}
          isWide
          id="chart-lag"
          title={`Lag, from oldest ${words.record.one} to delivery`}
          summary={lastAndMost(p99, formatDuration)}
          series={[
            { label: 'p50', values: p50, colour: 'line-1', kind: 'line' },
            { label: 'p99', values: p99, colour: 'line-2', kind: 'line', isDashed: true },
          ]}
          unit="seconds"
        />
        <Chart
          {...share}
          id="chart-backlog"
          title={`Waiting ${words.record.many}`}
          summary={lastAndMost(backlog, formatCompact)}
          series={one(words.record.many, backlog, 'line-2', 'area')}
          unit="count"
        />
      </div>
      <details>
        <summary>
          The same figures as a table
          {minutes === 1 ? ', by the minute' : `, in steps of ${formatCount(minutes)} minutes`}
        </summary>
        <HistoryTable words={words} points={points} />
      </details>
    </Fragment>
  );
}

function lastAndMost(values: readonly (number | null)[], format: (value: number) => string): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return 'nothing yet';
  return `now ${format(last)}, most ${format(Math.max(...known))}`;
}

function inAll(values: readonly (number | null)[]): string {
  const total = values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return total === 0 ? 'none' : `${formatCount(total)} in all`;
}

function HistoryTable({
  words,
  points,
}: {
  readonly words: PipelineWords;
  readonly points: readonly HistoryPoint[];
}): VNode {
  const columns: readonly (readonly [Figure, string, (value: number) => string])[] = [
    ['records', capitalized(words.record.many), formatCount],
    ['objects', capitalized(words.object.many), formatCount],
    ['failures', 'Failures', formatCount],
    ['lagP50Seconds', 'Lag p50', formatDuration],
    ['lagP99Seconds', 'Lag p99', formatDuration],
    ['backlogRecords', 'Waiting', formatCount],
  ];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Figures of the charts">
      <table>
        <thead>
          <tr>
            <th scope="col">UTC</th>
            {columns.map(([figure, title]) => (
              <th key={figure} scope="col" class="number">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.toReversed().map((point) => (
            <tr key={point.at}>
              <th scope="row">
                <time dateTime={point.at} title={formatUtc(point.at)}>
                  {formatClock(point.at)}
                </time>
              </th>
              {columns.map(([figure, , format]) => {
                const value = point[figure];
                return (
                  <td key={figure} class="number">
                    {value === null ? '–' : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
