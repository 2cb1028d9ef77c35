import { url } from './setting.js';

/** The address of a Redis: its path is nothing, or the number of a database. */
export function redisUrl(): ReturnType<typeof url> {
  const allowed =
    'a URL that begins with redis:// or rediss:// and ends with nothing or /NUMBER of the database';
  return url(['redis', 'rediss'])
    .refine((value) => URL.canParse(value) && /^\/?\d*$/.test(new URL(value).pathname), { error: allowed })
    .describe(allowed);
}
