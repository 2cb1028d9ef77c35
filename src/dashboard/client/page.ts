/** What the server says to a page, in the attributes of its body. */
export interface Page {
  /** Where the dashboard is mounted, with a slash at both ends. */
  readonly base: string;
  /** Version of the program that made the page. */
  readonly version: string;
  /** Whether whoever looks may change something. */
  readonly isOperator: boolean;
}

/** Reads what the server said to this page. */
export function readPage(): Page {
  const { base = '/', version = '', role } = document.body.dataset;
  return { base, version, isOperator: role === 'operator' };
}

/** Element of the page by its id; the server has made it. */
export function elementWithId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Address of the page of one source. */
export function sourceHref({ base }: Page, pipeline: string, source: string): string {
  return `${base}source?${new URLSearchParams({ pipeline, source }).toString()}`;
}
