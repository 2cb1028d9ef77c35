import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A password's hash by scrypt (RFC 7914). */
export interface PasswordHash {
  /** Cost: a power of 2. With the block size it is the memory that a check takes: 128 · cost · blockSize bytes. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 32 MiB and about a quarter of a second: one of the settings that OWASP's Password Storage Cheat Sheet holds equal. */
const STRENGTH = { cost: 2 ** 15, blockSize: 8, parallelization: 3 };

/** Weaker hashes are refused, and so are those that would take the process's memory. */
const LEAST_COST = 2 ** 14;
const MOST_MEMORY_BYTES = 256 * 1024 * 1024;
const MOST_PARALLELIZATION = 16;

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Hashes a password, with a salt of its own: `scrypt$N$r$p$salt$hash`, the last two in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const { cost, blockSize, parallelization } = STRENGTH;
  const hash = await derive(password, { ...STRENGTH, salt, hash: Buffer.alloc(HASH_BYTES) });
  const parts = [cost, blockSize, parallelization, salt.toString('base64url'), hash.toString('base64url')];
  return ['scrypt', ...parts].join('$');
}

/** Reads what {@link hashPassword} wrote; undefined when a text is no such hash, or one that is too weak or too dear. */
export function readHash(text: string): PasswordHash | undefined {
  const [, n, r, p, salt = '', hash = ''] =
    /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$([\w-]{11,88})\$([\w-]{22,88})$/.exec(text) ?? [];
  const [cost, blockSize, parallelization] = [Number(n), Number(r), Number(p)];
  const isStrong = cost >= LEAST_COST && Number.isInteger(Math.log2(cost)) && blockSize >= 8;
  const isCheap =
    128 * cost * blockSize <= MOST_MEMORY_BYTES &&
    parallelization >= 1 &&
    parallelization <= MOST_PARALLELIZATION;
  if (!isStrong || !isCheap) return undefined;
  const bytes = [Buffer.from(salt, 'base64url'), Buffer.from(hash, 'base64url')] as const;
  return { cost, blockSize, parallelization, salt: bytes[0], hash: bytes[1] };
}

/** Tells whether a password is the one that was hashed. */
export async function isPassword(password: string, expected: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, expected), expected.hash);
}

/** A hash that no password has, so that a check for a user who does not exist takes as long as any other. */
export function nobodysHash(): PasswordHash {
  return { ...STRENGTH, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
}

function derive(
  password: string,
  { cost, blockSize, parallelization, salt, hash }: PasswordHash,
): Promise<Buffer> {
  const maxmem = 2 * MOST_MEMORY_BYTES;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, { cost, blockSize, parallelization, maxmem }, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}
