/** What holds a table up without being a failure, in words for people: what the last look found. */
export class Notes {
  private readonly texts = new Map<string, string>();

  /** Notes it; undefined when nothing does. */
  set(table: string, text: string | undefined): void {
    if (text === undefined) this.texts.delete(table);
    else this.texts.set(table, text);
  }

  /** See {@link Notes.set}. */
  get(table: string): string | undefined {
    return this.texts.get(table);
  }
}
