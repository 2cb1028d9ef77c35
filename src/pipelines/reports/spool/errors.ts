/** The spool holds as much as it may, or remembers as many keys: nothing is taken until some of it is delivered. */
export class SpoolFullError extends Error {
  override readonly name = 'SpoolFullError';
}

/** The disk did not take what was to be written; nothing of it is kept. */
export class SpoolWriteError extends Error {
  override readonly name = 'SpoolWriteError';
}

/** The spool takes nothing any more, because its process ends. */
export class SpoolClosedError extends Error {
  override readonly name = 'SpoolClosedError';

  constructor() {
    super('the collector is shutting down');
  }
}
