// Copies what tsc does not: files that the program reads at run time.
import { chmodSync, cpSync } from 'node:fs';

cpSync('src/clickhouse/schema', 'dist/clickhouse/schema', { recursive: true });
cpSync('src/dashboard/static', 'dist/dashboard/static', { recursive: true });
chmodSync('dist/cli.js', 0o755);
