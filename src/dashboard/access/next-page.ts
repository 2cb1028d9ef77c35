/** Any origin will do: it must only still be the same when an address has been read. */
const SOMEWHERE = 'http://dashboard.invalid';

/** A longer address does not fit into the cookie that remembers it while its user is at the provider. */
const LONGEST = 1500;

/**
 * Where to go after logging in: an address of the dashboard, below its base path, and no other site, whatever the
 * request says.
 *
 * @param wanted as it came with the request, without the base path
 */
export function nextPage(wanted: unknown, basePath: string): string {
  if (typeof wanted !== 'string' || !URL.canParse(wanted, SOMEWHERE)) return `${basePath}/`;
  const { origin, pathname, search } = new URL(wanted, SOMEWHERE);
  const isOurs = origin === SOMEWHERE && !pathname.startsWith('//') && !pathname.startsWith('/login');
  const fits = pathname.length + search.length <= LONGEST;
  return isOurs && fits ? `${basePath}${pathname}${search}` : `${basePath}/`;
}
