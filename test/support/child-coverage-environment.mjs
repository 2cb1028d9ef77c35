import { TestEnvironment } from 'jest-environment-node';
import { join } from 'node:path';

/**
 * Has the processes that tests start write down which code they run. It is set here and not for jest as a whole
 * because jest measures its own processes itself, and each process can be measured only once.
 */
export default class ChildCoverageEnvironment extends TestEnvironment {
  constructor(config, context) {
    process.env.NODE_V8_COVERAGE = join(config.globalConfig.coverageDirectory, 'children');
    super(config, context);
  }
}
