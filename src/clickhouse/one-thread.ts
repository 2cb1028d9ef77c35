/**
 * Settings of statements that read little, such as one work order's rows: what ClickHouse prepares for each thread costs
 * it more than the reading.
 */
export const ONE_THREAD = { max_threads: 1 } as const;
