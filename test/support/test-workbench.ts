import { afterEach } from '@jest/globals';
import { startEngines, type Engines } from '../../src/embedded/engines.js';
import type { Environment } from './cli.js';
import { useEngines } from './test-engines.js';
import { openWorkbench, type Workbench } from './workbench.js';

/** Opens a workbench with a name of its own; it is closed after the test. */
export type OpenWorkbench = (more?: Environment) => Promise<Workbench>;

/**
 * Starts engines before the tests of a file and ends them behind, for the workbenches that the tests open.
 *
 * @param name of the tests, in kebab-case; the names of the workbenches are made of it
 */
export function useWorkbench(name: string): OpenWorkbench {
  return useWorkbenchOn(useEngines(name, startEngines), name);
}

/** The same on engines that the caller starts and ends. */
export function useWorkbenchOn(engines: () => Engines, name: string): OpenWorkbench {
  let tests = 0;
  const opened: Workbench[] = [];
  afterEach(async () => {
    for (const bench of opened.splice(0)) await bench.close();
  });
  return async (more = {}) => {
    tests += 1;
    const bench = await openWorkbench(engines(), `${name.replaceAll('-', '_')}_${String(tests)}`, more);
    opened.push(bench);
    return bench;
  };
}
