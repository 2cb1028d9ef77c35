import { draw, fraction, normal, objectDraw } from './draws.js';
import { operations, type Operation } from './operations.js';
import { awkward, extensions, folders, referers, stems } from './vocabulary.js';
import { literal, pick } from './weighted.js';

/** A value of the operation that was drawn; `kind` is its position in the list. */
export function ofOperation(write: (operation: Operation) => string): string {
  return `[${operations.map(write).join(', ')}][kind]`;
}

/** A condition: what the operation's answer says is one of these. */
function bodyIs(...bodies: readonly Operation['body'][]): string {
  const positions = operations.flatMap(({ body }, index) => (bodies.includes(body) ? [index + 1] : []));
  return `kind IN (${positions.join(', ')})`;
}

/**
 * The object of a request. Some are asked for often, most hardly ever; sizes are log-normal, with empty objects
 * and some of many GB.
 *
 * Takes: id, rank. Gives: object (its hash), path (the key), isAwkward, wholeSize (bytes).
 */
export const objectSql = `
  cityHash64(rank, toUInt32(1000000 * pow(${fraction(draw('object'))}, 3))) AS object,
  concat(
    ${pick(folders, objectDraw('folder'))}, '/',
    toString(2018 + ${objectDraw('year')} % 8), '/',
    ${pick(stems, objectDraw('stem'))}, '-', lower(hex(toUInt32(object)))
  ) AS stem,
  ${objectDraw('awkward')} % 100 < 6 AS isAwkward,
  concat(
    stem,
    if(isAwkward, ${pick(awkward, objectDraw('which'))}, ''),
    ${pick(extensions, objectDraw('extension'))}
  ) AS path,
  if(
    ${objectDraw('empty')} % 50 = 0, 0,
    toUInt64(least(exp(10.4 + 2.4 * ${normal(objectDraw('size'), objectDraw('size, again'))}), 5e10))
  ) AS wholeSize`;

/**
 * What came of the request. Errors come by chance, and only where they can.
 *
 * Takes: id, kind, operation, method, wholeSize. Gives: status, failed, errorCode, objectSize and bytesSent (bytes),
 * turnAround and total (ms).
 */
export const outcomeSql = `
  ${draw('outcome')} % 1000 AS outcome,
  toUInt16(multiIf(
    outcome < 4, 503,
    outcome < 6, 500,
    outcome < 26, 403,
    outcome < 66 AND ${ofOperation(({ needsKey }) => String(needsKey))}, 404,
    outcome BETWEEN 66 AND 68 AND operation IN ('REST.GET.OBJECT', 'REST.PUT.OBJECT'), 412,
    outcome < 130 AND operation = 'REST.GET.OBJECT', 304,
    outcome < 210 AND operation = 'REST.GET.OBJECT' AND wholeSize > 0, 206,
    ${ofOperation(({ status }) => String(status))}
  )) AS status,
  status >= 400 AS failed,
  multiIf(
    status = 503, 'SlowDown',
    status = 500, 'InternalError',
    status = 403, 'AccessDenied',
    status = 404, 'NoSuchKey',
    status = 412, 'PreconditionFailed',
    NULL
  ) AS errorCode,
  multiIf(
    failed, NULL,
    ${bodyIs('object', 'size-only')}, wholeSize,
    ${bodyIs('part')}, if(${draw('last part')} % 8 = 0, 1 + ${draw('part size')} % 8388608, 8388608),
    NULL
  ) AS objectSize,
  multiIf(
    method = 'HEAD' OR status = 304, NULL,
    failed, 230 + ${draw('answer')} % 120,
    status = 206, 1 + ${draw('range')} % greatest(wholeSize, 1),
    ${bodyIs('object')}, wholeSize,
    ${bodyIs('answer')}, 200 + ${draw('answer')} % 500,
    ${bodyIs('listing')}, 300 + ${draw('answer')} % 1001 * 280,
    NULL
  ) AS bytesSent,
  greatest(ifNull(bytesSent, 0), if(method = 'PUT', ifNull(objectSize, 0), 0)) AS bytesMoved,
  round(exp(if(failed, 1, 2.3) + 0.9 * ${normal(draw('time'), draw('time, again'))}), 1) AS turnAround,
  round(turnAround + bytesMoved / 60000, 1) AS total`;

/**
 * How the request was written and signed.
 *
 * Takes: all of the above and the columns of bucket and client. Gives: onKey, requestURI, requester,
 * authenticationType, referer, versionId.
 */
export const requestSql = `
  ${ofOperation(({ onKey }) => String(onKey))} AS onKey,
  ${ofOperation(({ query }) => literal(query))} AS rawQuery,
  role != 'nobody' AND NOT isBrowser AND ${draw('presigned')} % 100 < 4
    AND operation IN ('REST.GET.OBJECT', 'REST.PUT.OBJECT') AS isPresigned,
  multiIf(
    isPresigned, concat(
      '?X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=', lower(hex(SHA256(toString(id))))
    ),
    position(rawQuery, '{') > 0, replaceOne(
      replaceOne(rawQuery, '{uploadId}', lower(hex(${objectDraw('upload')}))),
      '{part}', toString(1 + ${draw('part')} % 400)
    ),
    rawQuery
  ) AS query,
  multiIf(
    NOT onKey OR operation = 'BATCH.DELETE.OBJECT', '',
    isAwkward, replaceAll(encodeURLComponent(path), '%2F', '/'),
    path
  ) AS encodedPath,
  concat(
    method, ' /', if(virtualHost, '', concat(bucket, if(onKey, '/', ''))), encodedPath, query, ' HTTP/1.1'
  ) AS requestURI,
  if(role = 'owner', owner, requesterIfOther) AS requester,
  multiIf(role = 'nobody', NULL, isPresigned, 'QueryString', 'AuthHeader') AS authenticationType,
  if(isBrowser AND ${draw('referer')} % 10 < 7, ${pick(referers, draw('page'))}, NULL) AS referer,
  versioned AND NOT failed
    AND operation IN ('REST.PUT.OBJECT', 'REST.DELETE.OBJECT', 'REST.POST.UPLOAD', 'REST.COPY.OBJECT') AS hasVersion,
  if(hasVersion, hex(MD5(toString(id))), NULL) AS versionId`;
