/** Longest statement with constants in it, in bytes. */
const STATEMENT_BYTES = 4 * 1024 * 1024;

/** Settings of statements that hold {@link constantSql}. */
export const WITH_CONSTANTS = { max_query_size: String(STATEMENT_BYTES) } as const;

/**
 * A value of any length as a constant expression of SQL. Bound parameters travel in the URL, which servers and proxies
 * keep short; this travels in the text. The text holds the value as JSON in hexadecimal digits, so that nothing
 * in it can be anything but part of the value.
 *
 * @param type ClickHouse's name of the type, such as `Array(Tuple(UInt16, String))`; tuples are arrays in JSON
 */
export function constantSql(type: string, value: unknown): string {
  const json = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? wellFormed(part) : part,
  );
  return `JSONExtract(unhex('${Buffer.from(json, 'utf8').toString('hex')}'), '${type}')`;
}

/** JSON can write halves of characters down, which UTF-8 cannot: they become U+FFFD, as in bound parameters. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\u{fffd}');
}
