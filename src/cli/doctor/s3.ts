import { ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { shownValue } from '../../config/secrets.js';
import type { Settings } from '../../config/settings.js';
import { createS3Client } from '../../destinations/s3/client.js';
import { answersAtAll, classifyS3Error, type S3Failure } from '../../destinations/s3/errors.js';
import { about, ok, problem, type Finding } from '../../pipelines/finding.js';
import type { Look } from './clickhouse.js';
import { readingOf, type ClockReading } from './clock.js';

/** HTTP's Date header has whole seconds. */
const DATE_ROUNDED_MS = 1000;

/** Asks S3 whether it answers and takes the credentials, and what time it is. */
export async function lookAtS3(settings: Settings, signal: AbortSignal): Promise<Look> {
  const endpoint = settings['s3.endpoint'];
  const subject = endpoint === '' ? `AWS ${settings['s3.region']}` : shownValue('s3.endpoint', endpoint);
  const client = createS3Client(settings);
  const clocks: ClockReading[] = [];
  readDates(client, (reading) => clocks.splice(0, 1, { ...reading, subject }));
  try {
    await client.send(new ListBucketsCommand({ MaxBuckets: 1 }), { abortSignal: signal });
    return {
      findings: [ok(about('s3.reachable', subject), 'S3 answers, and takes the credentials')],
      clocks,
    };
  } catch (error) {
    return { findings: [judgeS3(subject, classifyS3Error(error), answersAtAll(error))], clocks };
  } finally {
    client.destroy();
  }
}

/** Judges why S3 refused to list buckets, which log-courier itself never does. */
export function judgeS3(endpoint: string, { code, message }: S3Failure, answers: boolean): Finding {
  const on = about('s3.reachable', endpoint);
  if (['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'InvalidToken'].includes(code))
    return problem(
      on,
      `it refuses the credentials: ${message}`,
      'check s3.access-key-id and s3.secret-access-key',
    );
  if (code === 'RequestTimeTooSkewed')
    return problem(on, message, 'set the clock of this machine right, and keep it so with NTP');
  if (code === 'CredentialsProviderError')
    return problem(
      on,
      'no credentials were found',
      'set s3.access-key-id and s3.secret-access-key, or give the process a role',
    );
  if (answers) return ok(on, `S3 answers; buckets may not be listed (${code}), which is not needed`);
  return problem(
    on,
    `it does not answer as it should: ${message}`,
    'check s3.endpoint and s3.region, that it is up, and that this machine may reach it',
  );
}

const answerShape = z.object({ headers: z.record(z.string(), z.string()) });

/** Reads the clock of S3 off each of its answers, refusals too. */
function readDates(client: S3Client, take: (reading: ClockReading) => void): void {
  client.middlewareStack.add(
    (next) => async (request) => {
      const sentMs = Date.now();
      const result = await next(request);
      const gotMs = Date.now();
      const date = Date.parse(answerShape.safeParse(result.response).data?.headers['date'] ?? '');
      if (!Number.isNaN(date))
        take(
          readingOf(
            { engine: 's3', subject: '' },
            { sentMs, gotMs, theirsMs: date, roundedMs: DATE_ROUNDED_MS },
          ),
        );
      return result;
    },
    // The innermost of its step: what is further out has turned a refusal into an error already.
    { step: 'deserialize', priority: 'low', name: 'readDates' },
  );
}
