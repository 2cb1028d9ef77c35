import { EncryptJWT, jwtDecrypt } from 'jose';
import * as client from 'openid-client';
import { z } from 'zod';
import type { Settings } from '../../config/settings.js';
import { claimOf, userFrom, type Claims, type ClaimRules } from './oidc-claims.js';

/** How long somebody may take to log in at the provider, in seconds. */
export const LOGIN_SECONDS = 600;
/** A provider that is silent for this long is away; seconds. */
const TIMEOUT_SECONDS = 10;
/** Where the provider leads back to, below the base path. */
export const CALLBACK_PATH = '/login/callback';

/** A login that has begun. */
export interface BegunLogin {
  /** Where the browser is to go. */
  readonly url: string;
  /** What the browser is to keep until it comes back: encrypted, since only we need to read it. */
  readonly kept: string;
}

/** A login that has ended at the provider. The role is missing when the settings give this user none. */
export interface EndedLogin {
  readonly user: ReturnType<typeof userFrom>;
  /** Where the user wanted to go. */
  readonly next: string;
}

const keptSchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), next: z.string() });

/** Logins by OpenID Connect: authorization code flow with PKCE, state and nonce. */
export class OpenIdConnect {
  readonly #settings: Settings;
  readonly #key: Uint8Array;
  readonly #redirectUri: string;
  readonly #rules: ClaimRules;
  #provider: Promise<client.Configuration> | undefined;

  /**
   * @param settings with an issuer, a client and a public URL
   * @param key encrypts what browsers keep: 32 bytes
   */
  constructor(settings: Settings, key: Uint8Array) {
    this.#settings = settings;
    this.#key = key;
    this.#redirectUri = `${settings['dashboard.public-url'].replace(/\/$/, '')}${CALLBACK_PATH}`;
    this.#rules = {
      nameClaim: settings['dashboard.oidc-name-claim'],
      roleClaim: settings['dashboard.oidc-role-claim'],
      operatorValues: listOf(settings['dashboard.oidc-operator-values']),
      viewerValues: listOf(settings['dashboard.oidc-viewer-values']),
    };
  }

  /**
   * Begins a login.
   *
   * @param next where the user wants to go
   * @throws {Error} when the provider cannot be reached or is none
   */
  async begin(next: string): Promise<BegunLogin> {
    const provider = await this.#discovered();
    const verifier = client.randomPKCECodeVerifier();
    const kept = { state: client.randomState(), nonce: client.randomNonce(), verifier, next };
    const url = client.buildAuthorizationUrl(provider, {
      redirect_uri: this.#redirectUri,
      scope: this.#settings['dashboard.oidc-scopes'],
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: kept.state,
      nonce: kept.nonce,
    });
    return { url: url.href, kept: await this.#encrypt(kept) };
  }

  /**
   * Ends a login, with what the provider answered.
   *
   * @param search the query that the browser came back with: `?code=…&state=…`
   * @param kept what {@link begin} had the browser keep
   * @throws {WrongLoginError} when the answer does not belong to a login that this browser began, or is a refusal
   * @throws {Error} when the provider cannot be reached
   */
  async end(search: string, kept: string): Promise<EndedLogin> {
    const { state, nonce, verifier, next } = await this.#decrypt(kept);
    const provider = await this.#discovered();
    const answer = new URL(`${this.#redirectUri}${search}`);
    try {
      const tokens = await client.authorizationCodeGrant(provider, answer, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = await this.#claimsOf(provider, tokens);
      return { user: userFrom(claims, this.#rules), next };
    } catch (error) {
      if (isAway(error)) throw error;
      throw new WrongLoginError('the provider’s answer was not accepted', { cause: error });
    }
  }

  /** The ID token's claims; those of the userinfo endpoint too when the role is not among them. */
  async #claimsOf(
    provider: client.Configuration,
    tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers,
  ): Promise<Claims> {
    const claims = tokens.claims();
    if (claims === undefined) throw new WrongLoginError('the provider sent no ID token');
    const isComplete = [this.#rules.roleClaim, this.#rules.nameClaim].every(
      (name) => claimOf(claims, name) !== undefined,
    );
    if (isComplete || provider.serverMetadata().userinfo_endpoint === undefined) return claims;
    return { ...(await client.fetchUserInfo(provider, tokens.access_token, claims.sub)), ...claims };
  }

  /** The provider's description is read when it is first needed, and again after a failure. */
  #discovered(): Promise<client.Configuration> {
    const issuer = new URL(this.#settings['dashboard.oidc-issuer']);
    const secret = this.#settings['dashboard.oidc-client-secret'];
    // Settings allow http:// on this machine alone, which is what this is for.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const execute = issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [];
    this.#provider ??= client
      .discovery(
        issuer,
        this.#settings['dashboard.oidc-client-id'],
        {},
        secret === '' ? client.None() : bySecret(secret),
        { execute, timeout: TIMEOUT_SECONDS },
      )
      .catch((error: unknown) => {
        this.#provider = undefined;
        throw error;
      });
    return this.#provider;
  }

  #encrypt(kept: z.infer<typeof keptSchema>): Promise<string> {
    return new EncryptJWT(kept)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setExpirationTime(Math.floor(Date.now() / 1000) + LOGIN_SECONDS)
      .encrypt(this.#key);
  }

  async #decrypt(kept: string): Promise<z.infer<typeof keptSchema>> {
    try {
      return keptSchema.parse((await jwtDecrypt(kept, this.#key)).payload);
    } catch (cause) {
      throw new WrongLoginError('this browser has begun no login, or too long ago', { cause });
    }
  }
}

/** A login that was not begun here, has taken too long, or was refused by the provider. */
export class WrongLoginError extends Error {
  override readonly name = 'WrongLoginError';
}

/** The way that providers take secrets when they say nothing else (OpenID Connect Discovery 1.0, section 3), or in the body. */
function bySecret(secret: string): client.ClientAuth {
  const [inHeader, inBody] = [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const ways = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    (ways.includes('client_secret_basic') ? inHeader : inBody)(server, ...rest);
  };
}

/** Tells whether it is the provider's or the network's fault: no answer, or one of status 5xx. */
function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { cause } = error;
  if (cause instanceof Response) return cause.status >= 500;
  return (
    error instanceof TypeError ||
    error.name === 'TimeoutError' ||
    ('code' in error && error.code === 'OAUTH_TIMEOUT')
  );
}

function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
