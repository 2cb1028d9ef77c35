/**
 * Reads one cookie of a request; undefined when there is none. Of several with a name the first counts, which is the
 * one with the longest path (RFC 6265, section 5.4).
 *
 * @param header the Cookie header
 */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}
