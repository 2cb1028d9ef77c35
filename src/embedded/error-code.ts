/** The code of a system error (`ENOENT`, `EADDRINUSE`, …); empty for anything that has none. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
