// Adds what tests run in processes and worker threads of their own to what jest measured in its own processes,
// writes coverage/lcov.info, prints a summary, and fails when too few lines are covered.
//
// Before it: jest --coverage --coverageReporters=json --env ./test/support/child-coverage-environment.mjs
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import libCoverage from 'istanbul-lib-coverage';
import libReport from 'istanbul-lib-report';
import reports from 'istanbul-reports';

const LEAST_LINES_PERCENT = 90;
const DIRECTORY = 'coverage';
const CHILDREN = join(DIRECTORY, 'children');
const MEASURED = 'coverage-final.json';
const COMPILED = pathToFileURL('dist/').href;

const coverage = libCoverage.createCoverageMap(read(join(DIRECTORY, MEASURED)));
if (existsSync(CHILDREN)) coverage.merge(coverageOfChildren());
coverage.filter(hasCode);

const context = libReport.createContext({ dir: DIRECTORY, coverageMap: coverage });
for (const report of ['lcov', 'json', 'text-summary']) reports.create(report).execute(context);

const { pct } = coverage.getCoverageSummary().lines;
if (pct < LEAST_LINES_PERCENT) {
  console.error(`${pct} % of the lines are covered; at least ${LEAST_LINES_PERCENT} % have to be.`);
  process.exitCode = 1;
}

/** What V8 wrote down about dist/, in terms of src/. */
function coverageOfChildren() {
  for (const name of readdirSync(CHILDREN)) keepOwnCode(join(CHILDREN, name));
  const c8 = join('node_modules', 'c8', 'bin', 'c8.js');
  const where = ['--temp-directory', CHILDREN, '--reports-dir', CHILDREN, '--reporter', 'json'];
  const which = ['--exclude-after-remap', '--include', 'src/**/*.ts', '--include', 'src/**/*.tsx'];
  execFileSync(process.execPath, [c8, 'report', ...where, ...which], { stdio: 'inherit' });
  const measured = read(join(CHILDREN, MEASURED));
  rmSync(CHILDREN, { recursive: true });
  return measured;
}

/** Files of nothing but types never run: of them, an empty module is compiled, or none at all. */
function hasCode(file) {
  const compiled = join('dist', relative('src', file)).replace(/\.tsx?$/, '.js');
  return existsSync(compiled) && !readFileSync(compiled, 'utf8').startsWith('export {};\n');
}

/** Each process writes down all packages that it loaded too: hundreds of megabytes that c8 would map and drop. */
function keepOwnCode(file) {
  const { result, 'source-map-cache': maps = {}, ...rest } = read(file);
  const own = {
    ...rest,
    result: result.filter(({ url }) => url.startsWith(COMPILED)),
    'source-map-cache': Object.fromEntries(Object.entries(maps).filter(([url]) => url.startsWith(COMPILED))),
  };
  writeFileSync(file, JSON.stringify(own));
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
