/** Credentials of an Authorization header. */
export type Credentials =
  | { readonly kind: 'basic'; readonly name: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  /** There are some, but of a kind or form that is not known. */
  | { readonly kind: 'unknown' };

/** Reads an Authorization header: HTTP Basic (RFC 7617) or a bearer token (RFC 6750). */
export function credentialsOf(authorization: string): Credentials {
  const [, scheme = '', value = ''] = /^(basic|bearer) +([\w.~+/=-]+) *$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return { kind: 'bearer', token: value };
  // RFC 7617, section 2: the first colon ends the name.
  const userPass = Buffer.from(value, 'base64').toString('utf8');
  const colon = userPass.indexOf(':');
  if (scheme === '' || colon === -1) return { kind: 'unknown' };
  return { kind: 'basic', name: userPass.slice(0, colon), password: userPass.slice(colon + 1) };
}
