import avsc from 'avsc';

/** Reused: the library copies what it gets out of it before it asks again. */
const eightBytes = Buffer.alloc(8);
const LARGEST = 2n ** 63n - 1n;
const SMALLEST = -(2n ** 63n);

/**
 * The type long with all its 64 bits, as bigint. Whole numbers are taken as well where they are exact, since bigints cost
 * more.
 */
export const AVRO_LONG = avsc.types.LongType.__with({
  toBuffer: (value: bigint | number): Buffer => {
    if (typeof value === 'bigint') eightBytes.writeBigInt64LE(value);
    else {
      eightBytes.writeInt32LE(value | 0, 0);
      eightBytes.writeInt32LE(Math.floor(value / 0x1_0000_0000), 4);
    }
    return eightBytes;
  },
  fromBuffer: (bytes: Buffer): bigint => bytes.readBigInt64LE(),
  toJSON: (value: bigint | number): string => String(value),
  fromJSON: (value: number | string): bigint => BigInt(value),
  isValid: (value: unknown): boolean =>
    typeof value === 'bigint' ? value >= SMALLEST && value <= LARGEST : Number.isSafeInteger(value),
  compare: (a: bigint | number, b: bigint | number): number => (a < b ? -1 : a > b ? 1 : 0),
});
