import { createHash, randomBytes } from 'node:crypto';

/** Random bytes in a token: too many to guess, so that one round of SHA-256 hides it. */
const TOKEN_BYTES = 32;

/** Makes a bearer token. */
export function randomToken(): string {
  return `lc_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

/** What is kept of a token: `sha256$` and its digest in hexadecimal digits. */
export function hashToken(token: string): string {
  return `sha256$${createHash('sha256').update(token, 'utf8').digest('hex')}`;
}

/** Tells whether a text has the form of what {@link hashToken} makes. */
export function isTokenHash(text: string): boolean {
  return /^sha256\$[0-9a-f]{64}$/.test(text);
}
