/**
 * A decimal as Avro has it: the digits without the point as a whole number, in two's complement, big-endian, in as few
 * bytes as will do.
 *
 * @param text as the database writes it, such as `-12.50`
 * @param scale digits behind the point, all of which stand in the text
 * @throws {TypeError} for what is no decimal of that scale
 */
export function decimalBytes(text: string, scale: number): Buffer {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const fraction = parts?.[3] ?? '';
  if (parts === null || fraction.length > scale)
    throw new TypeError(
      `${JSON.stringify(text)} is no decimal with ${String(scale)} digits behind the point`,
    );
  const digits = BigInt(`${parts[2] ?? ''}${fraction.padEnd(scale, '0')}`);
  return twosComplement(parts[1] === '-' ? -digits : digits);
}

/** A whole number in two's complement, big-endian, in as few bytes as will do. */
export function twosComplement(value: bigint): Buffer {
  let bytes = 1;
  while (value < -(1n << BigInt(8 * bytes - 1)) || value >= 1n << BigInt(8 * bytes - 1)) bytes += 1;
  const hex = BigInt.asUintN(8 * bytes, value).toString(16);
  return Buffer.from(hex.padStart(2 * bytes, '0'), 'hex');
}
