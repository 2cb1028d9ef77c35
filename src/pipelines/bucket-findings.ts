import type { Settings } from '../config/settings.js';
import { adviceFor, type S3Failure } from '../destinations/s3/errors.js';
import type { Attempt, BucketTrial } from '../destinations/s3/try-bucket.js';
import { about, ok, problem, warning, type Finding } from './finding.js';

/** Judges what was found out about the rights in a target bucket. */
export function judgeBucket(trial: BucketTrial, settings: Settings): readonly Finding[] {
  const failed = firstFailure(trial.upload, trial.put);
  if (failed !== undefined) return [notWritable(trial, failed), ...judgeRemoval(trial)];
  return [
    ok(about('s3.bucket.write', trial.bucket), whatWasWritten(trial)),
    ...judgeReading(trial),
    ...judgeUploads(trial),
    ...judgeRemoval(trial),
    ...judgeConditions(trial, settings),
  ];
}

function whatWasWritten({ put, remove }: BucketTrial): string {
  if (put === undefined) return 'an upload was begun and aborted';
  return `a test object was written${remove === 'done' ? ' and removed' : ''}`;
}

function notWritable({ bucket }: BucketTrial, { code, message }: S3Failure): Finding {
  return problem(about('s3.bucket.write', bucket), `cannot be written to: ${message}`, adviceFor(code));
}

function judgeReading({ bucket, get }: BucketTrial): readonly Finding[] {
  if (!isFailure(get)) return [];
  return [
    warning(
      about('s3.bucket.read', bucket),
      `the test object was written, but cannot be read: ${get.message}`,
      'grant s3:GetObject: an object that is there already is compared before it is replaced',
    ),
  ];
}

function judgeUploads({ bucket, listUploads, abortUpload }: BucketTrial): readonly Finding[] {
  const failed = firstFailure(listUploads, abortUpload);
  const on = about('s3.bucket.uploads', bucket);
  if (failed === undefined) return [ok(on, 'uploads in progress can be listed and aborted')];
  return [
    warning(
      on,
      `uploads in progress cannot be ${isFailure(listUploads) ? 'listed' : 'aborted'}: ${failed.message}`,
      'grant s3:ListBucketMultipartUploads and s3:AbortMultipartUpload: without them a processor that was ' +
        'presumed dead can replace an object that was delivered again by its earlier version' +
        (isFailure(abortUpload)
          ? '; the upload that was begun now stays until a lifecycle rule removes it'
          : ''),
    ),
  ];
}

function judgeRemoval({ bucket, key, remove }: BucketTrial): readonly Finding[] {
  if (!isFailure(remove)) return [];
  return [
    warning(
      about('s3.bucket.remove', bucket),
      `the test object ${key} may still be there: ${remove.message}`,
      `remove s3://${bucket}/${key} by hand; log-courier itself needs no right to remove objects`,
    ),
  ];
}

function judgeConditions({ bucket, conditionalWrites }: BucketTrial, settings: Settings): readonly Finding[] {
  const set = settings['s3.conditional-writes'];
  const on = about('s3.conditional-writes', bucket);
  if (conditionalWrites === 'unknown') return [];
  const honoured = conditionalWrites === 'on';
  const found = `S3 ${honoured ? 'honours' : 'does not honour'} conditional writes; s3.conditional-writes is ${set}`;
  if (set === 'on' && !honoured)
    return [
      problem(
        on,
        found,
        'set s3.conditional-writes to auto: objects are not protected from late writers now',
      ),
    ];
  if (set === 'off' && honoured)
    return [
      warning(on, found, 'set s3.conditional-writes to auto: small objects then take one request, not three'),
    ];
  return [ok(on, found)];
}

function firstFailure(...attempts: readonly Attempt[]): S3Failure | undefined {
  return attempts.find(isFailure);
}

function isFailure(attempt: Attempt): attempt is S3Failure {
  return typeof attempt === 'object';
}
