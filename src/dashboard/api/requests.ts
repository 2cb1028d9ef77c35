import { z } from 'zod';
import { isOneLine, LONGEST_REASON } from '../../queues/give-up.js';

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
): z.ZodEnum<{ [Value in Values[number]]: Value }> => z.enum(values, `give one of ${values.join(', ')}`);

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
    order: z
      .string('give the id of an order')
      .regex(/^[0-9a-f]{16}$/, 'give the id of an order: 16 hex digits'),
    index: whole(0, 100_000),
  },
  { error: unknownField },
);

const selection = {
  pipeline: name,
  group: z
    .string('give the id of a group')
    .regex(/^[0-9a-f]{16}$/, 'give the id of a group of failures')
    .optional(),
  source: name.optional(),
  order: z
    .string('give the id of an order')
    .regex(/^[0-9a-f]{16}$/, 'give the id of an order: 16 hex digits')
    .optional(),
};

/** Which failed orders a change is about. */
export interface SelectionBody {
  readonly pipeline: string;
  readonly group?: string | undefined;
  readonly source?: string | undefined;
  readonly order?: string | undefined;
  readonly all?: true | undefined;
}

const isOne = ({ group, source, order, all }: SelectionBody): boolean =>
  [group, source, order, all].filter((one) => one !== undefined).length === 1;

/** Body of `POST /api/retry`. */
export const retryBody = z
  .strictObject(
    { ...selection, all: z.literal(true, 'give true, or leave it out').optional() },
    { error: unknownField },
  )
  .refine(isOne, { error: 'give exactly one of group, source, order and all' });

/** Body of `POST /api/skip`. */
export const skipBody = z
  .strictObject(
    {
      ...selection,
      reason: z
        .string('give a reason')
        .trim()
        .refine((text) => isOneLine(text, LONGEST_REASON), {
          error: `give a reason of at most ${String(LONGEST_REASON)} characters, without line breaks`,
        }),
    },
    { error: unknownField },
  )
  .refine(isOne, { error: 'give exactly one of group, source and order' });

/** Body of `POST /api/pause` and `POST /api/resume`. */
export const pauseBody = z.strictObject(
  { what: oneOf(['discovery', 'delivery']), pipeline },
  { error: unknownField },
);

/** Query of addresses that take none. */
export const noQuery = z.strictObject({}, { error: unknownField });

function unknownField({ code }: { readonly code?: string }): string | undefined {
  return code === 'unrecognized_keys' ? 'there is no such field here' : undefined;
}
