/** The engines that log-courier can run by itself. */
export type EngineName = 'clickhouse' | 'mariadb' | 'redis' | 's3';

/** An engine did not start. The message says which, why, and what to do. */
export class EngineStartError extends Error {
  override readonly name: string = 'EngineStartError';

  constructor(
    readonly engine: EngineName,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What an engine is made of is not installed on this machine. The message says how to install it. */
export class EngineMissingError extends EngineStartError {
  override readonly name = 'EngineMissingError';
}

/** Another process works in the directory. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';

  constructor(
    readonly directory: string,
    readonly pid: number,
  ) {
    super(
      `${directory} is in use by process ${pid}. Stop that process, or choose another directory; the engines of one directory can run only once.`,
    );
  }
}
