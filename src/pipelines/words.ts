/** A word in the singular and the plural. */
export interface Noun {
  readonly one: string;
  readonly many: string;
}

/** What a pipeline calls its things: the pages have no words of their own for them. */
export interface PipelineWords {
  /** The pipeline itself, as a heading: "S3 access logs". */
  readonly title: string;
  /** All that it delivers, in one word: "logs", as in "all logs delivered". */
  readonly goods: string;
  /** What is moved: "record". */
  readonly record: Noun;
  /** Where it comes from: "bucket". */
  readonly source: Noun;
  /** Where it goes: "target bucket". */
  readonly target: Noun;
  /** What it becomes: "log object". */
  readonly object: Noun;
}
