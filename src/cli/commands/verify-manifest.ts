import { createS3Client } from '../../destinations/s3/client.js';
import { verifyManifests, type Verification } from '../../pipelines/manifest-verifier.js';
import { positiveNumber } from '../arguments.js';
import { print, printJson, UsageError, type Register } from '../context.js';
import { formatCount, formatNumberOf } from '../format.js';
import { startProgress, type Progress } from '../progress.js';
import { settingsOf, withSettings } from '../setting-flags.js';

interface VerifyFlags {
  readonly bucket: string;
  readonly prefix: string;
  readonly from?: number;
  readonly expect?: string;
  readonly quick?: boolean;
  readonly json?: boolean;
}

/** `verify-manifest`: checks what was delivered against the manifests, with S3 alone. */
export const registerVerifyManifest: Register = (program, context) => {
  const command = program
    .command('verify-manifest')
    .description(
      'check the log objects of a target against its manifests, with S3 alone; status 1 when something does not fit',
    )
    .requiredOption('--bucket <name>', 'the target bucket')
    .option('--prefix <prefix>', 'the target prefix, exactly as the source bucket names it', '')
    .option(
      '--from <sequence>',
      'begin with this manifest: those before it were removed on purpose',
      positiveNumber,
    )
    .option('--expect <sha256>', 'digest of a manifest, noted earlier, which must be there still')
    .option('--quick', 'compare the sizes of the objects only, and do not read them')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample: log-courier verify-manifest --bucket photo-logs --prefix logs/')
    .action(async (flags: VerifyFlags) => {
      if (flags.expect !== undefined && !/^[0-9a-f]{64}$/.test(flags.expect))
        throw new UsageError('verify-manifest: --expect takes 64 hexadecimal digits, in lower case');
      const { settings } = settingsOf(command, context);
      const s3 = createS3Client(settings);
      let progress: Progress | undefined;
      try {
        const found = await verifyManifests(s3, {
          bucket: flags.bucket,
          prefix: flags.prefix,
          keyPrefix: settings['manifest.key-prefix'],
          from: flags.from,
          expected: flags.expect,
          quick: flags.quick === true,
          signal: context.stop,
          onProgress: (done, total) => {
            progress ??= startProgress(context.stderr, total, 'objects', 'verifying ');
            progress.update(done);
          },
        });
        progress?.stop();
        if (flags.json === true) printJson(context.stdout, found);
        else print(context.stdout, describeVerification(found, flags.quick === true));
        if (!found.ok) context.exitCode = 1;
      } finally {
        progress?.stop();
        s3.destroy();
      }
    });
  withSettings(command);
};

/** A verification in words. */
export function describeVerification(found: Verification, quick: boolean): string {
  const { bucket, prefix, manifests, objects, records, newer, head, problem } = found;
  const place = `s3://${bucket}/${prefix}`;
  if (problem !== undefined) return `${place}: ${problem.detail}`;
  const how = quick ? 'have the size that the manifests say' : 'are as the manifests say';
  const more =
    newer === 0
      ? ''
      : `\nnewer than the last manifest, and so not verified: ${formatNumberOf(newer, 'object')}; the next manifest will name what was delivered`;
  const last = head === undefined ? '' : `\nthe last is manifest ${head.sequence}, sha256 ${head.sha256}`;
  return `${place}: ${formatNumberOf(manifests, 'manifest')}, ${formatNumberOf(objects, 'object')} with ${formatCount(records)} records ${how}${more}${last}`;
}
