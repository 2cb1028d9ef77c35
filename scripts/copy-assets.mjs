// Copies what tsc does not: files that the program reads at run time.
import { chmodSync, copyFileSync, cpSync } from 'node:fs';

cpSync('src/clickhouse/schema', 'dist/clickhouse/schema', { recursive: true });
for (const name of ['style.css', 'icon.svg']) {
  copyFileSync(`src/dashboard/client/${name}`, `dist/dashboard/client/${name}`);
}
cpSync('src/dashboard/static', 'dist/dashboard/static', { recursive: true });
chmodSync('dist/cli.js', 0o755);
