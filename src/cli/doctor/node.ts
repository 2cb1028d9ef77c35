import { about, ok, problem, warning, type Finding } from '../../pipelines/finding.js';

/** The oldest major version that the program runs on, as `engines` in package.json says. */
const OLDEST = 20;
/** The oldest one that is still kept, and that the AWS SDK takes after January 2027. */
const KEPT = 22;

/** Judges the version of Node.js, such as `22.11.0`. */
export function judgeNode(version: string): Finding {
  const major = Number.parseInt(version, 10);
  const on = about('node.version');
  const found = `Node.js ${version}`;
  if (!(major >= OLDEST)) return problem(on, found, `use Node.js ${String(KEPT)} or newer`);
  if (major < KEPT)
    return warning(
      on,
      found,
      `use Node.js ${String(KEPT)} or newer: versions of the AWS SDK after January 2027 need it`,
    );
  return ok(on, found);
}
