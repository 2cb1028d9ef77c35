import { createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** The keys of a dashboard, each for one purpose, all from one secret. */
export interface Secrets {
  /** Signs sessions. */
  readonly sessionKey: Uint8Array;
  /** Encrypts what a browser keeps while its user is at the OpenID Connect provider. */
  readonly loginKey: Uint8Array;
  /** The CSRF token of a session, or of whoever has none. */
  csrfTokenOf(holder: string): string;
  /** Changes when the credential of a user does, and tells nothing about it. */
  fingerprintOf(credential: string): string;
}

const KEY_BYTES = 32;

/**
 * Derives the keys (HKDF, RFC 5869).
 *
 * @param secret of the settings; empty for a random one, which nobody else has and which ends with the process
 */
export function deriveSecrets(secret: string): Secrets {
  const from = secret === '' ? randomBytes(KEY_BYTES) : secret;
  const keyFor = (purpose: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', from, 'log-courier dashboard', purpose, KEY_BYTES));
  const [csrfKey, fingerprintKey] = [keyFor('csrf'), keyFor('fingerprint')];
  return {
    sessionKey: keyFor('session'),
    loginKey: keyFor('login'),
    csrfTokenOf: (holder) => createHmac('sha256', csrfKey).update(holder).digest('base64url'),
    fingerprintOf: (credential) =>
      createHmac('sha256', fingerprintKey).update(credential).digest('base64url'),
  };
}
