/** Decodes %XX as in a part of a URL. Text that is not encoded well, such as `50%off`, stands for itself. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
