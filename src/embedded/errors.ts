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
