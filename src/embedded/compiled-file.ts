import { fileURLToPath } from 'node:url';

/**
 * Path of a compiled file, for children and worker threads: they run what `npm run build` made also when
 * the caller itself is TypeScript source under a test runner.
 *
 * @param callerUrl `import.meta.url` of a file of src/ or dist/
 * @param relativePath path below dist/, ending in .js
 */
export function compiledFile(callerUrl: string, relativePath: string): string {
  const root = callerUrl.lastIndexOf(callerUrl.endsWith('.ts') ? '/src/' : '/dist/');
  return fileURLToPath(new URL(`dist/${relativePath}`, callerUrl.slice(0, root + 1)));
}
