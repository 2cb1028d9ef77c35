/** CRC-32 (IEEE 802.3) of each byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xed_b8_83_20 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The CRC-32 of a key's decimal text, as CRC32(key) of MySQL and CRC32(toString(key)) of ClickHouse have it. */
export function crcOfKey(key: number): number {
  const text = String(key);
  let value = 0xff_ff_ff_ff;
  for (let at = 0; at < text.length; at += 1)
    value = (TABLE[(value ^ text.charCodeAt(at)) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xff_ff_ff_ff) >>> 0;
}

/** Sums up to here are exact in a number. */
const SPILL_AT = 2 ** 52;

/**
 * A checksum over keys, whatever their order: the sum of their {@link crcOfKey}. Databases count it by themselves:
 * `SUM(CRC32(key))`.
 */
export class ChecksumOf {
  private sum = 0;
  private spilled = 0n;

  /** Adds one key. */
  key(key: number): void {
    this.sum += crcOfKey(key);
    if (this.sum < SPILL_AT) return;
    this.spilled += BigInt(this.sum);
    this.sum = 0;
  }

  /** Adds the keys from the one to the other, both included. */
  run(from: number, to: number): void {
    for (let key = from; key <= to; key += 1) this.key(key);
  }

  /** The sum, in decimal digits. */
  get text(): string {
    return String(this.spilled + BigInt(this.sum));
  }
}
