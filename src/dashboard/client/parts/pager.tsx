import { formatCount, formatNumberOf } from '../format.js';
import { h, type VNode } from '../vendor/preact.js';

interface Given {
  readonly page: { readonly page: number; readonly pageSize: number; readonly total: number };
  /** What is listed. */
  readonly noun: { readonly one: string; readonly many: string };
  readonly onPage: (page: number) => void;
}

/** Which part of a long list is shown, and ways to the others. */
export function Pager({ page: { page, pageSize, total }, noun, onPage }: Given): VNode | null {
  const pages = Math.max(1, Math.ceil(total / pageSize));
  if (total === 0) return null;
  if (pages === 1) return <p class="pager quiet">{formatNumberOf(total, noun)}</p>;
  const first = (page - 1) * pageSize + 1;
  const to = (label: string, target: number): VNode => (
    <button
      type="button"
      disabled={target < 1 || target > pages || target === page}
      onClick={() => {
        onPage(target);
      }}
    >
      {label}
    </button>
  );
  return (
    <nav class="pager" aria-label={`Pages of ${noun.many}`}>
      {to('First', 1)}
      {to('Previous', page - 1)}
      <span>
        {formatCount(first)} – {formatCount(Math.min(total, first + pageSize - 1))} of {formatCount(total)}
      </span>
      {to('Next', page + 1)}
      {to('Last', pages)}
    </nav>
  );
}
