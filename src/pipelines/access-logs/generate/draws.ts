/**
 * Expressions that look random and are not: evenly spread UInt64 that follow from what is hashed. Each purpose has a
 * draw of its own, so that changing one does not change the others.
 */

/** A draw of the record; \`id\` is different in every record. */
export function draw(purpose: string): string {
  return `cityHash64(id, '${purpose}')`;
}

/** A draw of the object: the same in all requests for it. */
export function objectDraw(purpose: string): string {
  return `cityHash64(object, '${purpose}')`;
}

/** A draw of the client: the same in all its requests. */
export function clientDraw(purpose: string): string {
  return `cityHash64(client, 'client ${purpose}')`;
}

/** A draw as a number above 0 and at most 1. */
export function fraction(value: string): string {
  return `((intDiv(${value}, 2048) + 1) / 9007199254740992)`;
}

/** A number of the standard normal distribution, out of two draws (Box and Muller's way). */
export function normal(one: string, other: string): string {
  return `(sqrt(-2 * log(${fraction(one)})) * cos(2 * pi() * ${fraction(other)}))`;
}
