/** Width that Prettier gives the narrowest column. */
const NARROWEST = 3;

/** How a column of a table is aligned. */
export type Alignment = 'left' | 'right';

/**
 * A Markdown table, its columns as wide as Prettier makes them.
 *
 * @param rows cells of Markdown in one line each; the first row is the head
 * @param alignments of the columns; those beyond are aligned to the left
 */
export function markdownTable(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = [],
): string {
  const escaped = rows.map((row) => row.map((cell) => cell.replaceAll('|', String.raw`\|`)));
  const widths = escaped.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? NARROWEST)),
    [],
  );
  const isRight = (column: number): boolean => alignments[column] === 'right';
  const lines = escaped.map((row) =>
    line(
      row.map((cell, column) => {
        const width = widths[column] ?? 0;
        return isRight(column) ? cell.padStart(width) : cell.padEnd(width);
      }),
    ),
  );
  const rule = widths.map((width, column) =>
    isRight(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [...lines.slice(0, 1), line(rule), ...lines.slice(1)].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
