import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from '../error-code.js';
import { ProgramMissingError, startServerProcess, type ServerProcess } from '../server-process.js';

const MISSING =
  'MariaDB was not found on the PATH. Run scripts/setup.sh --with tests, or install it: ' +
  '“apt-get install mariadb-server” on Debian and Ubuntu, “brew install mariadb” on macOS.';

/** Folder of the data below the engine's directory. */
const DATA = 'data';
/**
 * Folder of temporary tables there. A server that starts removes all that lie in its folder, also those of another that
 * shares it.
 */
const TEMPORARY = 'tmp';

/** Debian has the server where only root's PATH leads. */
const SYSTEM_PROGRAMS = '/usr/sbin';

/** What making the data and running the server have in common. */
const SMALL = [
  '--innodb-buffer-pool-size=64M',
  '--innodb-log-file-size=48M',
  '--performance-schema=OFF',
  '--skip-name-resolve',
] as const;

/** Arguments of mariadbd; without option files, which must come first. */
export function mariaDbArguments(directory: string, port: number, isDurable: boolean): string[] {
  return [
    '--no-defaults',
    `--datadir=${join(directory, DATA)}`,
    `--tmpdir=${join(directory, TEMPORARY)}`,
    `--port=${String(port)}`,
    '--bind-address=127.0.0.1',
    // Below the data directory: the path of a socket may not be long.
    '--socket=mariadb.sock',
    '--pid-file=mariadb.pid',
    `--innodb-flush-log-at-trx-commit=${isDurable ? '1' : '2'}`,
    '--innodb-buffer-pool-dump-at-shutdown=OFF',
    '--character-set-server=utf8mb4',
    '--max-allowed-packet=64M',
    '--max-connections=200',
    ...SMALL,
    ...asRoot(),
  ];
}

/** The server refuses to run as root, unless it is told to. */
function asRoot(): readonly string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}

/**
 * Starts mariadbd, with data that is made when there is none, and waits until it greets.
 *
 * @param isDurable see `MariaDbOptions`
 * @throws ProgramMissingError, PortTakenError, or Error when it ends before it greets
 */
export async function startMariaDbServer(
  directory: string,
  port: number,
  isDurable: boolean,
): Promise<ServerProcess> {
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:${SYSTEM_PROGRAMS}`;
  mkdirSync(join(directory, TEMPORARY), { recursive: true });
  await makeData(directory);
  return startServerProcess({
    command: 'mariadbd',
    args: mariaDbArguments(directory, port, isDurable),
    port,
    missing: MISSING,
    answers: greets,
  });
}

/** Makes the data directory, which appears whole or not at all. */
async function makeData(directory: string): Promise<void> {
  const [data, draft] = [join(directory, DATA), join(directory, `${DATA}.new`)];
  if (existsSync(data)) return;
  rmSync(draft, { recursive: true, force: true });
  const args = [
    '--no-defaults',
    `--datadir=${draft}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...SMALL,
    ...asRoot(),
  ];
  try {
    const env = { ...process.env, TMPDIR: join(directory, TEMPORARY) };
    await promisify(execFile)('mariadb-install-db', args, { env });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new ProgramMissingError(MISSING, { cause: error });
    throw error;
  }
  await rename(draft, data);
}

/** True when a server that takes connections listens on the port: it speaks first. */
async function greets(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
