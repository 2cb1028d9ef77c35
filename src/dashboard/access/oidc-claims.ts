import type { Identity, Role } from '../route.js';

/** How claims become a user. */
export interface ClaimRules {
  readonly nameClaim: string;
  readonly roleClaim: string;
  readonly operatorValues: readonly string[];
  /** `*` among them stands for any claims at all. */
  readonly viewerValues: readonly string[];
}

/** What a provider says of somebody. */
export type Claims = Readonly<Record<string, unknown>>;

const LONGEST_NAME = 200;

/**
 * The user whom a provider's claims describe.
 *
 * @returns who they are, with a role or, when the rules give them none, without
 */
export function userFrom(
  claims: Claims,
  rules: ClaimRules,
): Omit<Identity, 'role'> & { readonly role?: Role } {
  const role = roleFrom(claims, rules);
  return { name: nameFrom(claims, rules), ...(role === undefined ? {} : { role }) };
}

/** A claim by its name, or by a path with dots through claims within claims: `realm_access.roles`. */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, part) => {
    return isClaims(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, claims);
}

function roleFrom(claims: Claims, { roleClaim, operatorValues, viewerValues }: ClaimRules): Role | undefined {
  const claim = claimOf(claims, roleClaim);
  const given = (Array.isArray(claim) ? claim : [claim]).filter((value) => typeof value === 'string');
  if (given.some((value) => operatorValues.includes(value))) return 'operator';
  return viewerValues.includes('*') || given.some((value) => viewerValues.includes(value))
    ? 'viewer'
    : undefined;
}

/** The name goes into logs and pages: on one line, and not too long. */
function nameFrom(claims: Claims, { nameClaim }: ClaimRules): string {
  const named = claimOf(claims, nameClaim);
  const name = typeof named === 'string' && named.trim() !== '' ? named : String(claims['sub']);
  return name
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, LONGEST_NAME);
}

function isClaims(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
