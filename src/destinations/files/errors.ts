import { isError } from '../../observability/is-error.js';
import { StoreError } from '../errors.js';

/** The file system as a whole is of no use now: full, gone, or read-only. */
const AWAY = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'ESTALE',
  'ENXIO',
  'ENODEV',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'EHOSTDOWN',
]);
/** No retry helps until somebody changes something. */
const PERMANENT = new Set(['EACCES', 'EPERM', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'EEXIST']);

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on that disk',
  EDQUOT: 'raise the quota, or make room',
  EROFS: 'mount it for writing',
  EACCES: 'give the user that log-courier runs as the right to write there',
  EPERM: 'give the user that log-courier runs as the right to write there',
  ENOTDIR: 'a file stands where a folder is needed: move it away',
  EISDIR: 'a folder stands where the file is needed: move it away',
};

/** The directory itself is not there: not made yet, or its disk is not mounted. */
export function directoryMissing(doing: string, directory: string, cause: unknown): StoreError {
  return new StoreError(
    {
      store: 'files',
      doing,
      code: 'NoSuchDirectory',
      permanent: false,
      away: true,
      answer: `the directory ${directory} is not there; create it, or mount its disk`,
    },
    { cause },
  );
}

/** Turns an error of the file system into one of ours; all others are left as they are. */
export function fileError(doing: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (code === undefined || !isError(error)) return error;
  const advice = ADVICE[code];
  return new StoreError(
    {
      store: 'files',
      doing,
      code,
      permanent: PERMANENT.has(code),
      away: AWAY.has(code),
      answer: advice === undefined ? error.message : `${error.message}; ${advice}`,
    },
    { cause: error },
  );
}

/** The code of an error of the operating system, such as ENOENT. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!isError(error) || !('code' in error) || !('syscall' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
