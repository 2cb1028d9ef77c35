/** A name that cannot be one of a table or a column here. */
export class BadIdentifierError extends Error {
  override readonly name = 'BadIdentifierError';

  /** @param what the name */
  constructor(what: string) {
    super(`${JSON.stringify(what)} cannot be the name of a table or a column: give letters, digits, _ and $`);
  }
}

/**
 * A name of a table or a column, quoted for SQL.
 *
 * @throws {BadIdentifierError} for anything but letters, digits, _ and $, 64 at most
 */
export function quoted(name: string): string {
  if (!/^[A-Za-z0-9_$]{1,64}$/.test(name)) throw new BadIdentifierError(name);
  return `\`${name}\``;
}

/** A key as it stands in SQL text. */
export function keySql(key: number): string {
  if (!Number.isSafeInteger(key)) throw new RangeError(`${String(key)} is no key`);
  return String(key);
}
