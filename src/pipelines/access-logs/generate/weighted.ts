/** Values and how often each is to come up, relative to the others; a weight is a whole number. */
export type Weighted<Value> = readonly (readonly [value: Value, weight: number])[];

/** Writes a text as a literal of SQL. Only for texts of this folder: what comes from strangers is bound. */
export function literal(value: string): string {
  return `'${value.replaceAll(/[\\']/g, '\\$&')}'`;
}

/** An expression that takes one of the values by a draw (an expression for an evenly spread UInt64). */
export function pick(values: readonly string[], draw: string): string {
  return `${arrayOf(values)}[1 + ${draw} % ${values.length}]`;
}

/** An expression that takes one of the values by a draw, each as often as its weight says. */
export function pickWeighted(values: Weighted<string>, draw: string): string {
  const total = values.reduce((sum, [, weight]) => sum + weight, 0);
  const runs = values.map(([value, weight]) => `arrayWithConstant(${weight}, ${literal(value)})`);
  return `arrayConcat(${runs.join(', ')})[1 + ${draw} % ${total}]`;
}

/** Likewise, but takes the position (from 1) of a value in the list. */
export function pickPosition(weights: readonly number[], draw: string): string {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const runs = weights.map((weight, index) => `arrayWithConstant(${weight}, toUInt8(${index + 1}))`);
  return `arrayConcat(${runs.join(', ')})[1 + ${draw} % ${total}]`;
}

/** An array of texts as a literal of SQL. */
export function arrayOf(values: readonly string[]): string {
  return `[${values.map(literal).join(', ')}]`;
}
