import { NOT_INSTALLED } from './engine.js';
import { errorCode } from './error-code.js';

/** A package that only the embedded engines use is not there. */
export class PackageMissingError extends Error {
  override readonly name = 'PackageMissingError';
  /** Tells the parent process what kind of failure this is. */
  readonly code = NOT_INSTALLED;

  constructor(name: string, cause: unknown) {
    super(
      `The package ${name} is not installed. It is a development dependency: run scripts/setup.sh (or npm ci) in the directory of log-courier, without --omit=dev.`,
      { cause },
    );
  }
}

/**
 * Imports a package that production installs leave out.
 *
 * @throws PackageMissingError when it is not installed
 */
export async function optionalPackage<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (errorCode(error) === 'ERR_MODULE_NOT_FOUND') throw new PackageMissingError(name, error);
    throw error;
  }
}
