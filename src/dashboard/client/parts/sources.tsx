import type { PipelineWords, SourcePage, SourceRow, SourceSort, SourceState } from '../../api/shapes.js';
import type { Desk } from '../desk.js';
import { capitalized, formatCount, formatDuration, formatNumberOf } from '../format.js';
import { sourceHref } from '../page.js';
import type { Loaded } from '../resource.js';
import { SORTS, sortedBy, STATES, type View } from '../sources-query.js';
import { h, type VNode } from '../vendor/preact.js';
import { Pager } from './pager.js';
import { StateOfLoading } from './state-of-loading.js';
import { When } from './time.js';
import { Badge } from './tone.js';

interface Given {
  readonly desk: Desk;
  readonly pipeline: string;
  readonly words: PipelineWords;
  readonly sources: Loaded<SourcePage>;
  readonly view: View;
  readonly onView: (view: View) => void;
}

const STATE_WORDS = { stuck: 'Stuck', waiting: 'Waiting', delivered: 'Delivered' } as const;
/** How good the states of sources are. */
export const STATE_TONES = { stuck: 'bad', waiting: 'busy', delivered: 'good' } as const;

function StateBadge({ state }: { readonly state: SourceState }): VNode {
  return <Badge tone={STATE_TONES[state]} text={STATE_WORDS[state]} />;
}

/** The table of sources: searched, sorted and paged by the server. */
export function Sources(given: Given): VNode {
  const { desk, words, sources, view, onView } = given;
  const { value, isOutdated } = sources;
  const isNarrowed = view.search !== '' || view.state !== undefined;
  return (
    <section aria-labelledby="sources">
      <div class="section-head">
        <h2 id="sources" tabIndex={-1}>
          {capitalized(words.source.many)}
        </h2>
        <Filters words={words} view={view} onView={onView} />
      </div>
      <StateOfLoading desk={desk} of={sources} what={`The ${words.source.many}`} />
      <p class="unseen" role="status">
        {value !== undefined && isNarrowed && `${formatNumberOf(value.total, words.source)} found`}
      </p>
      {value?.total === 0 && (
        <p class="empty">
          {isNarrowed
            ? `No ${words.source.one} fits this search.`
            : `No ${words.source.one} has any ${words.record.many} yet.`}
        </p>
      )}
      {value !== undefined && value.total > 0 && (
        <table role="table" class="cards sources" aria-labelledby="sources" aria-busy={isOutdated}>
          <Head words={words} view={view} onView={onView} />
          <tbody role="rowgroup">
            {value.rows.map((row) => (
              <Row key={row.source} {...given} row={row} />
            ))}
          </tbody>
        </table>
      )}
      {value !== undefined && (
        <Pager
          page={value}
          noun={words.source}
          onPage={(page) => {
            onView({ ...view, page });
            document.getElementById('sources')?.focus();
          }}
        />
      )}
    </section>
  );
}

function titlesOf(words: PipelineWords): Readonly<Record<SourceSort, string>> {
  return {
    source: capitalized(words.source.one),
    state: 'State',
    waitingRecords: `Waiting ${words.record.many}`,
    oldestAgeSeconds: 'Oldest',
    lastDeliveredAt: 'Last delivery',
  };
}

type HeadGiven = Pick<Given, 'words' | 'view' | 'onView'>;

function Filters({ words, view, onView }: HeadGiven): VNode {
  const titles = titlesOf(words);
  return (
    <form
      class="filters"
      role="search"
      aria-label={capitalized(words.source.many)}
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <label class="field">
        Search
        <input
          type="search"
          name="search"
          value={view.search}
          autocomplete="off"
          spellcheck={false}
          maxLength={200}
          onInput={(event) => {
            onView({ ...view, search: event.currentTarget.value, page: 1 });
          }}
        />
      </label>
      <label class="field">
        State
        <select
          name="state"
          value={view.state ?? ''}
          onChange={({ currentTarget }) => {
            onView({ ...view, state: STATES.find((state) => state === currentTarget.value), page: 1 });
          }}
        >
          <option value="">All</option>
          {STATES.map((state) => (
            <option key={state} value={state}>
              {STATE_WORDS[state]}
            </option>
          ))}
        </select>
      </label>
      {/* Where the table becomes cards, it has no headings to sort by. */}
      <label class="field narrow-only">
        Sort by
        <select
          name="sort"
          value={view.sort}
          onChange={({ currentTarget }) => {
            const sort = SORTS.find((one) => one === currentTarget.value);
            if (sort !== undefined && sort !== view.sort) onView(sortedBy(view, sort));
          }}
        >
          {SORTS.map((sort) => (
            <option key={sort} value={sort}>
              {titles[sort]}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

function Head({ words, view, onView }: HeadGiven): VNode {
  const titles = titlesOf(words);
  return (
    <thead role="rowgroup">
      <tr role="row">
        {SORTS.map((sort) => {
          const isSorted = view.sort === sort;
          const direction = view.direction === 'asc' ? 'ascending' : 'descending';
          return (
            <th
              key={sort}
              role="columnheader"
              scope="col"
              class={`${sort} ${sort === 'waitingRecords' || sort === 'oldestAgeSeconds' ? 'number' : ''}`}
              aria-sort={isSorted ? direction : 'none'}
            >
              <button
                type="button"
                onClick={() => {
                  onView(sortedBy(view, sort));
                }}
              >
                {titles[sort]}
                <span class="arrow" aria-hidden="true">
                  {isSorted ? (view.direction === 'asc' ? '▲' : '▼') : ''}
                </span>
              </button>
            </th>
          );
        })}
        <th role="columnheader" scope="col">
          {capitalized(words.target.one)}
        </th>
      </tr>
    </thead>
  );
}

function Row({ desk, pipeline, words, row }: Given & { readonly row: SourceRow }): VNode {
  const titles = titlesOf(words);
  return (
    <tr role="row">
      <th role="rowheader" scope="row" data-label={titles.source} class="names">
        <a href={sourceHref(desk.page, pipeline, row.source)}>{row.source}</a>
      </th>
      <td role="cell" data-label={titles.state} class="plain">
        <StateBadge state={row.state} />
        {row.failureCodes.length > 0 && <span class="codes">{row.failureCodes.join(', ')}</span>}
        {row.note !== null && <span class="quiet note">{row.note}</span>}
      </td>
      <td role="cell" data-label={titles.waitingRecords} class="number">
        {formatCount(row.waitingRecords)}
      </td>
      <td role="cell" data-label={titles.oldestAgeSeconds} class="number">
        {row.oldestAgeSeconds === null ? '–' : formatDuration(row.oldestAgeSeconds)}
      </td>
      <td role="cell" data-label={titles.lastDeliveredAt}>
        {row.lastDeliveredAt === null ? 'never' : <When at={row.lastDeliveredAt} now={desk.now} />}
      </td>
      <td role="cell" data-label={capitalized(words.target.one)} class="names">
        {row.targets.length === 0 ? '–' : row.targets.join(', ')}
      </td>
    </tr>
  );
}
