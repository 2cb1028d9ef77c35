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

/** Address of the page of one source. */
export function sourceHref({ base }: Page, pipeline: string, source: string): string {
  return `${base}source?${new URLSearchParams({ pipeline, source }).toString()}`;
}

/** The element that a script draws into, without what the server has put there for the time until then. */
export function emptiedElement(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  element.replaceChildren();
  return element;
}
