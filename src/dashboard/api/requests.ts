import { z } from 'zod';

/** Sources and orders that one page has at most. */
export const LARGEST_PAGE = 500;
const USUAL_PAGE = 50;
/** Orders on one page of a source's timeline, unless somebody says how many. */
const USUAL_TIMELINE = 25;
/** Characters of the longest name: an S3 key can be as long. */
const LONGEST_NAME = 1024;

const name = z
  .string('give one name')
  .min(1, 'give a name')
  .max(LONGEST_NAME, `give at most ${String(LONGEST_NAME)} characters`);

const whole = (least: number, most: number): z.ZodType<number> =>
  z
    .string(`give a whole number from ${String(least)} to ${String(most)}`)
    .regex(/^\d{1,9}$/, `give a whole number from ${String(least)} to ${String(most)}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, {
      error: `give a whole number from ${String(least)} to ${String(most)}`,
    });

const oneOf = <const Values extends readonly [string, ...string[]]>(
  values: Values,
): z.ZodEnum<{ [Value in Values[number]]: Value }> =>
  z.enum(values, `give one of ${values.join(', ')}`);

const page = whole(1, 1_000_000).optional();
const pageSize = whole(1, LARGEST_PAGE).optional();

/** The pipeline that a request is about; the only one when it is left out. */
const pipeline = name.optional();

/** Query of `GET /api/sources`. */
export const sourcesQuery = z
  .strictObject(
    {
      pipeline,
      search: z.string('give one text').max(LONGEST_NAME).optional(),
      state: oneOf(['stuck', 'waiting', 'delivered']).optional(),
      sort: oneOf(['source', 'state', 'waitingRecords', 'oldestAgeSeconds', 'lastDeliveredAt']).optional(),
      direction: oneOf(['asc', 'desc']).optional(),
      page,
      pageSize,
    },
    { error: unknownField },
  )
  .transform((query) => ({
    pipeline: query.pipeline,
    search: query.search ?? '',
    state: query.state,
    sort: query.sort ?? 'source',
    direction: query.direction ?? 'asc',
    page: query.page ?? 1,
    pageSize: query.pageSize ?? USUAL_PAGE,
  }));

/** Query of `GET /api/failures`. */
export const pipelineQuery = z.strictObject({ pipeline }, { error: unknownField });

/** Query of `GET /api/source`. */
export const sourceQuery = z
  .strictObject({ pipeline, source: name, page, pageSize }, { error: unknownField })
  .transform((query) => ({
    pipeline: query.pipeline,
    source: query.source,
    page: query.page ?? 1,
    pageSize: query.pageSize ?? USUAL_TIMELINE,
  }));

/** Query of `GET /api/history`. */
export const historyQuery = z
  .strictObject({ pipeline, span: oneOf(['hour', 'day']).optional() }, { error: unknownField })
  .transform((query) => ({ pipeline: query.pipeline, span: query.span ?? 'hour' }));

/** Query of `GET /api/object-head`. */
export const objectHeadQuery = z.strictObject(
  {
    pipeline,
    source: name,
    order: z.string('give the id of an order').regex(/^[0-9a-f]{16}$/, 'give the id of an order: 16 hex digits'),
    index: whole(0, 100_000),
  },
  { error: unknownField },
);

/** Query of addresses that take none. */
export const noQuery = z.strictObject({}, { error: unknownField });

function unknownField({ code }: { readonly code?: string }): string | undefined {
  return code === 'unrecognized_keys' ? 'there is no such field here' : undefined;
}
