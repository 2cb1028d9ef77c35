/** What is to be generated. The same options, `now` included, make the same records. */
export interface GenerateOptions {
  /** Records to make. */
  readonly rows: number;
  /**
   * Any whole number that is not negative. All columns but the times follow from it, `rows`, `sourceBuckets`,
   * `targetBuckets` and `quietShare`; the buckets themselves are the same for all seeds.
   */
  readonly seed: number;
  /** How many source buckets the records are from; the r-th busiest has 1/r of the busiest one's records. @defaultValue 50 */
  readonly sourceBuckets?: number;
  /** How many target buckets the source buckets share. @defaultValue 5 */
  readonly targetBuckets?: number;
  /** Time over which insertedAt is spread evenly, in seconds. @defaultValue 900 */
  readonly spanSeconds?: number;
  /** How long before `now` the last record was inserted, in seconds. @defaultValue 0 */
  readonly ageSeconds?: number;
  /** The time that all times are relative to. @defaultValue the clock's */
  readonly now?: Date;
  /** Share (0 to 1) of the records that are not to be delivered: loggingEnabled is false. @defaultValue 0 */
  readonly quietShare?: number;
  /** Records of one INSERT. @defaultValue a tenth of all, but from 100,000 to 250,000 */
  readonly rowsPerInsert?: number;
}

/** Options with everything filled in and checked. */
export interface GenerationPlan {
  readonly rows: number;
  readonly seed: number;
  readonly sourceBuckets: number;
  /** Names of the target buckets; they must exist before the records can be delivered. */
  readonly targetBuckets: readonly string[];
  readonly firstInsertedAt: Date;
  readonly lastInsertedAt: Date;
  readonly spanSeconds: number;
  readonly quietShare: number;
  readonly rowsPerInsert: number;
}

/** Bounds that keep one statement small: the names of all target buckets are bound to each. */
const MOST_TARGET_BUCKETS = 100;
const MOST_SOURCE_BUCKETS = 100_000;

const TARGET_OWNERS = ['northwind', 'acme', 'contoso', 'initech', 'umbra', 'globex', 'hooli', 'stark'];

/**
 * Fills in and checks the options.
 *
 * @throws {RangeError} when one is out of its bounds
 */
export function planGeneration(options: GenerateOptions): GenerationPlan {
  const {
    rows,
    seed,
    sourceBuckets = 50,
    targetBuckets = 5,
    spanSeconds = 900,
    ageSeconds = 0,
    now = new Date(),
    quietShare = 0,
    rowsPerInsert = usualRowsPerInsert(rows),
  } = options;
  checkWhole('rows', rows, 1, 1_000_000_000);
  checkWhole('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  checkWhole('source buckets', sourceBuckets, 1, MOST_SOURCE_BUCKETS);
  checkWhole('target buckets', targetBuckets, 1, MOST_TARGET_BUCKETS);
  checkWhole('span in seconds', spanSeconds, 0, YEAR_SECONDS);
  checkWhole('age in seconds', ageSeconds, 0, YEAR_SECONDS);
  checkWhole('rows per insert', rowsPerInsert, 1, 1_000_000);
  if (!(quietShare >= 0 && quietShare <= 1))
    throw new RangeError(`quiet share: ${quietShare} is not allowed; give a number from 0 to 1`);
  const last = Math.floor(now.getTime() / 1000) - ageSeconds;
  return {
    rows,
    seed,
    sourceBuckets,
    targetBuckets: targetBucketNames(targetBuckets),
    firstInsertedAt: new Date((last - spanSeconds + Math.floor(spanSeconds / rows)) * 1000),
    lastInsertedAt: new Date(last * 1000),
    spanSeconds,
    quietShare,
    rowsPerInsert,
  };
}

/** Planning an INSERT costs as much as some 30,000 records: many small ones would be slow, a single one tells nothing. */
function usualRowsPerInsert(rows: number): number {
  return Math.min(250_000, Math.max(100_000, Math.ceil(rows / 10)));
}

/** Names that S3 takes, e.g. `acme-logs-01`; a longer list begins with the shorter one. */
function targetBucketNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const owner = TARGET_OWNERS[index % TARGET_OWNERS.length] ?? '';
    return `${owner}-logs-${String(index + 1).padStart(2, '0')}`;
  });
}

const YEAR_SECONDS = 366 * 86_400;

function checkWhole(what: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${what}: ${value} is not allowed; give a whole number from ${least} to ${most}`);
}
